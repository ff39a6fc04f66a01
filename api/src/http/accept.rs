//! Reads `Accept` and `Accept-Encoding`: names with their quality (RFC 9110, section 12.4.2).

use poem::Request;
use poem::http::header;

use super::request::header_text;

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

/// How a body is coded for the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

impl Coding {
    /// The coding for the answer to a request: the one that the client prefers. Where it likes both alike, `ours`, or the
    /// one that it names first.
    pub(crate) fn accepted(request: &Request, ours: Option<Coding>) -> Coding {
        let accepted = header_text(request, header::ACCEPT_ENCODING.as_str());
        accepted.map_or(Coding::Identity, |accepted| Coding::preferred(accepted, ours))
    }

    /// Reads `Accept-Encoding` (RFC 9110, section 12.5.3).
    fn preferred(accepted: &str, ours: Option<Coding>) -> Coding {
        let (mut best, mut most) = (Coding::Identity, 0.0);
        for (name, quality) in ranges(accepted) {
            let coding = match name.as_str() {
                "gzip" => Coding::Gzip,
                "br" => Coding::Brotli,
                _ => continue,
            };
            if quality > most || (quality > 0.0 && quality >= most && ours == Some(coding)) {
                (best, most) = (coding, quality);
            }
        }
        best
    }

    /// Its name in `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Brotli => Some("br"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_coding_is_taken() {
        for (accepted, coding) in [
            ("gzip, br", Coding::Gzip),
            ("br, gzip", Coding::Brotli),
            ("gzip;q=0.1, br", Coding::Brotli),
            ("gzip;q=1.0, br;q=0.1", Coding::Gzip),
            ("br", Coding::Brotli),
            ("gzip;q=0, br;q=0", Coding::Identity),
            ("deflate, *", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::preferred(accepted, None), coding, "{accepted}");
        }
        assert_eq!(Coding::preferred("gzip, br", Some(Coding::Brotli)), Coding::Brotli);
        assert_eq!(Coding::preferred("br, gzip", Some(Coding::Brotli)), Coding::Brotli);
    }

    #[test]
    fn names_have_their_quality() {
        let read = |header| ranges(header).collect::<Vec<_>>();
        assert_eq!(read("text/CSV ; Q=0.5,*/*"), [("text/csv".into(), 0.5), ("*/*".into(), 1.0)]);
        assert_eq!(read("gzip;level=1;q=0, br;q=much"), [("gzip".into(), 0.0), ("br".into(), 0.0)]);
    }
}
