//! Reports as CSV tables, and when a client prefers one.

use service::Visible;
use service::report::{TimeReport, TimeReportKeys, TimeReportNoun};
use service::value::ReportGroup;

use crate::http::accept::ranges;

/// Whether `Accept` prefers CSV to JSON. On equal quality CSV is taken only where JSON is not named.
pub(super) fn prefers_csv(accept: &str) -> bool {
    let quality = |names: &[&str]| {
        let of_these = ranges(accept).filter(|(name, _)| names.contains(&name.as_str()));
        of_these.map(|(_, quality)| quality).reduce(f32::max)
    };
    let csv = quality(&["text/csv"]).unwrap_or(0.0);
    let json = quality(&["application/json"]);
    csv > 0.0 && json.map_or_else(|| csv >= quality(&["application/*", "*/*"]).unwrap_or(0.0), |json| csv > json)
}

/// The table (RFC 4180): the keys in the order of the request, then seconds, billableSeconds, entries and, where the caller
/// sees amounts, currency and amount. A group in several currencies has a line for each.
pub(super) fn table(report: &TimeReport, groups: &[ReportGroup]) -> String {
    let has_amounts = report.total.amounts.get().is_some();
    let names = groups.iter().map(|group| group.as_str().to_ascii_lowercase());
    let sums = ["seconds", "billableSeconds", "entries"].into_iter();
    let money = if has_amounts { &["currency", "amount"][..] } else { &[] };
    let mut table = line(names.chain(sums.chain(money.iter().copied()).map(str::to_owned)));
    for row in &report.rows {
        for (currency, sums) in &row.by_currency {
            let keys = groups.iter().map(|group| key(&row.keys, *group));
            let counts = [sums.seconds, sums.billable_seconds, sums.entries].map(|count| count.to_string());
            let amount = sums.amounts.get().and_then(|amounts| amounts.first()).map(|earned| earned.amount.to_string());
            let money = [currency.as_ref().map(ToString::to_string).unwrap_or_default(), amount.unwrap_or_default()];
            table += &line(keys.chain(counts).chain(if has_amounts { money.to_vec() } else { vec![] }));
        }
    }
    table
}

/// The value of a row under one of its keys: a name, or a period.
fn key(keys: &TimeReportKeys, group: ReportGroup) -> String {
    let TimeReportKeys { client, project, task, member, day, week, month } = keys;
    let name = |noun: &Visible<TimeReportNoun>| noun.get().and_then(|noun| noun.name.clone());
    let text = match group {
        ReportGroup::Client => name(client),
        ReportGroup::Project => name(project),
        ReportGroup::Task => name(task),
        ReportGroup::Member => member.get().and_then(|member| member.name.clone()),
        ReportGroup::Day => day.get().map(ToString::to_string),
        ReportGroup::Week => week.get().map(ToString::to_string),
        ReportGroup::Month => month.get().cloned(),
    };
    text.unwrap_or_default()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A cell, quoted where needed; one that a spreadsheet would read as a formula gets a leading apostrophe.
fn cell(text: String) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_sent_where_accept_prefers_it() {
        for (accept, table) in [
            ("text/csv", true),
            ("TEXT/CSV; charset=utf-8", true),
            ("text/csv, */*", true),
            ("text/csv;q=0.5, */*;q=0.1", true),
            ("application/json;q=0.5, text/csv", true),
            ("application/json, text/csv", false),
            ("application/json, text/csv;q=0.1", false),
            ("text/csv;q=0.5, */*", false),
            ("text/csv;q=0", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(prefers_csv(accept), table, "{accept}");
        }
    }

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ] {
            assert_eq!(cell(text.into()), written);
        }
    }
}
