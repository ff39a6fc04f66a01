//! The address of this server in what people and programs copy from its pages: the operator's, or else the one that the
//! request was sent to. A browser fills in its own by script; a program reads what it is sent.

use std::net::IpAddr;

use poem::Request;
use poem::http::header;

use crate::http::request::header_text;

/// What stands for the address in guides and pages, before and after the address itself.
const PLACEHOLDERS: [(&str, &str, &str); 3] = [
    ("", "https://YOUR-SERVER", ""),
    ("HOURSMITH_URL=", "http://127.0.0.1:8080", ""),
    ("<span class=\"origin\">", "http://127.0.0.1:8080", "</span>"),
];
/// The longest host that is written into a page.
const MAX_HOST: usize = 255;

/// Whether a text names the server.
pub(super) fn is_named(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|(before, shown, after)| text.contains(&format!("{before}{shown}{after}")))
}

/// The text with the address in its place.
pub(super) fn named(text: &str, address: &str) -> String {
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, (before, shown, after)| {
        text.replace(&format!("{before}{shown}{after}"), &format!("{before}{address}{after}"))
    })
}

/// The address that a request was sent to, as far as it names it. Names without a port are taken to be reached over TLS.
pub(super) fn of(request: &Request) -> Option<String> {
    let host = header_text(request, header::HOST.as_str()).map(str::to_owned);
    // Over HTTP/2 it is part of the target.
    let host = host.or_else(|| request.original_uri().authority().map(|authority| authority.to_string()))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if host.is_empty() || host.len() > MAX_HOST || !host.chars().all(is_plain) {
        return None;
    }
    let name = host.trim_start_matches('[').split(']').next().unwrap_or_default();
    let is_local = host.contains(':') || name.parse::<IpAddr>().is_ok() || name == "localhost";
    Some(format!("{}://{host}", if is_local { "http" } else { "https" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_request_is_written_into_samples_and_nothing_else() {
        let of = |host: &str| of(&Request::builder().header("host", host).finish());
        for (host, address) in [
            ("hours.example", Some("https://hours.example")),
            ("127.0.0.1:8977", Some("http://127.0.0.1:8977")),
            ("localhost", Some("http://localhost")),
            ("[::1]:8080", Some("http://[::1]:8080")),
            ("nas:8080", Some("http://nas:8080")),
            ("x\"><script>", None),
            ("", None),
        ] {
            assert_eq!(of(host).as_deref(), address, "{host}");
        }
        let text = "export HOURSMITH_URL=http://127.0.0.1:8080\ncurl https://YOUR-SERVER/mcp; listens on http://127.0.0.1:8080";
        let expected =
            "export HOURSMITH_URL=https://a.example\ncurl https://a.example/mcp; listens on http://127.0.0.1:8080";
        assert_eq!(named(text, "https://a.example"), expected);
        assert!(is_named(text) && !is_named("listens on http://127.0.0.1:8080"));
    }
}
