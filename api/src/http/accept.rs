//! Reads `Accept` and `Accept-Encoding`: names with their quality (RFC 9110, section 12.4.2).

/// Each name in the header, in lower case, with its quality between 0 (never) and 1; a quality that cannot be read counts
/// as 0.
pub(crate) fn ranges(header: &str) -> impl Iterator<Item = (String, f32)> {
    header.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        (name, quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_quality() {
        let read = |header| ranges(header).collect::<Vec<_>>();
        assert_eq!(read("text/CSV ; Q=0.5,*/*"), [("text/csv".into(), 0.5), ("*/*".into(), 1.0)]);
        assert_eq!(read("gzip;level=1;q=0, br;q=much"), [("gzip".into(), 0.0), ("br".into(), 0.0)]);
    }
}
