//! Plain bar charts in SVG, readable on light and on dark pages.

use std::fmt::Write;

/// One group of bars.
pub struct Group {
    /// Its label.
    pub label: String,
    /// A value of each series, or none.
    pub values: Vec<Option<f64>>,
}

const COLOURS: [&str; 4] = ["#2b6cb0", "#dd8833", "#7a7a7a", "#2f855a"];
const WIDTH: f64 = 760.0;
const LABELS: f64 = 250.0;
const BAR: f64 = 13.0;

/// A chart of horizontal bars.
pub fn bars(title: &str, unit: &str, series: &[&str], groups: &[Group]) -> String {
    let greatest = groups.iter().flat_map(|g| g.values.iter().flatten()).copied().fold(0.0, f64::max).max(1e-9);
    let scale = (WIDTH - LABELS - 70.0) / greatest;
    let group_height = BAR * series.len() as f64 + 12.0;
    let height = 64.0 + group_height * groups.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" fill=\"#222\">{title}, {unit}</text>\n"
    );
    let mut x = 12.0;
    for (name, colour) in series.iter().zip(COLOURS) {
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"34\" width=\"11\" height=\"11\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"44\" fill=\"#222\">{name}</text>", x + 16.0);
        x += 40.0 + 7.5 * name.len() as f64;
    }
    let mut y = 58.0;
    for group in groups {
        let middle = y + (group_height - 12.0) / 2.0 + 4.0;
        let label = &group.label;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#222\">{label}</text>",
            LABELS - 8.0
        );
        for (value, colour) in group.values.iter().zip(COLOURS) {
            if let Some(value) = value {
                let width = (value * scale).max(1.0);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{LABELS}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                     <text x=\"{:.1}\" y=\"{}\" font-size=\"10\" fill=\"#222\">{value:.2}</text>",
                    BAR - 2.0,
                    LABELS + width + 5.0,
                    y + 9.5
                );
            }
            y += BAR;
        }
        y += 12.0;
    }
    svg + "</svg>\n"
}
