//! What the pages know of the address that a browser shows for this server: its origin, and whether a cookie can be
//! `Secure`.

use std::net::IpAddr;

use poem::Request;
use poem::http::header;
use service::passkey::RelyingParty;

use crate::http::request::header_text;
use crate::http::server::Server;

/// This server, as a browser names it.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// The origin of `HOURSMITH_PUBLIC_URL`.
    public: Option<String>,
    /// Host and port, as the request names them.
    host: Option<String>,
}

impl Site {
    pub(super) fn of(server: &Server, request: &Request) -> Site {
        let host = header_text(request, header::HOST.as_str()).map(str::to_owned);
        // Over HTTP/2 it is part of the target.
        let host = host.or_else(|| request.original_uri().authority().map(|authority| authority.to_string()));
        let public = server.public_url.as_deref().and_then(origin_of);
        Site { public, host: host.map(|host| host.to_ascii_lowercase()) }
    }

    /// Whether an origin is this server's. The host of the request counts where the operator has not set another, and on
    /// this machine: a page elsewhere cannot choose it.
    pub(super) fn is_own(&self, origin: &str) -> bool {
        let Some(origin) = origin_of(origin) else { return false };
        if self.public.as_deref() == Some(&origin) {
            return true;
        }
        let Some(host) = &self.host else { return false };
        let counts = self.public.is_none() || is_loopback(host);
        counts
            && ["http", "https"].iter().any(|scheme| origin_of(&format!("{scheme}://{host}")) == Some(origin.clone()))
    }

    /// The origin that the operator has named.
    pub(super) fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// The URL of this server, for samples that people copy.
    pub(super) fn url(&self) -> String {
        match (&self.public, &self.host) {
            (Some(public), _) => public.clone(),
            (None, Some(host)) => format!("{}://{host}", if is_loopback(host) { "http" } else { "https" }),
            (None, None) => "http://127.0.0.1:8080".into(),
        }
    }

    /// What passkeys are bound to; none where they do not work.
    pub(super) fn relying_party(&self) -> Option<RelyingParty> {
        let host = self.host.as_deref();
        let here = host.filter(|host| is_loopback(host)).map(|host| format!("http://{host}"));
        let named = || self.public.clone().or_else(|| host.map(|host| format!("https://{host}")));
        RelyingParty::at(&here.or_else(named)?)
    }

    /// Whether the cookie is sent over TLS alone. Only a browser on this machine may speak plain HTTP.
    pub(super) fn is_secure(&self) -> bool {
        let public_is_tls = self.public.as_deref().is_some_and(|origin| origin.starts_with("https://"));
        public_is_tls || !self.host.as_deref().is_some_and(is_loopback)
    }
}

/// Scheme, host and port of a URL, without the port that the scheme has anyway; none if it is no `http` URL.
fn origin_of(url: &str) -> Option<String> {
    let url = url.trim().to_ascii_lowercase();
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    let authority = authority.rsplit('@').next()?;
    Some(format!("{scheme}://{}", authority.strip_suffix(default).unwrap_or(authority)))
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_address = || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    name == "localhost" || name.ends_with(".localhost") || is_address()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(public: Option<&str>, host: &str) -> Site {
        Site { public: public.and_then(origin_of), host: Some(host.into()) }
    }

    #[test]
    fn origins_are_compared_whole() {
        let public = site(Some("https://hours.example/"), "internal:8080");
        assert!(public.is_own("https://hours.example") && public.is_own("https://hours.example:443"));
        for foreign in
            ["http://hours.example", "https://hours.example.evil", "https://evil/?https://hours.example", "null", ""]
        {
            assert!(!public.is_own(foreign), "{foreign}");
        }
        assert!(!public.is_own("http://internal:8080"), "the operator has said what it is called");
        let local = site(None, "127.0.0.1:8080");
        assert!(local.is_own("http://127.0.0.1:8080") && !local.is_own("http://127.0.0.1:8081"));
    }

    #[test]
    fn cookies_are_secure_except_on_this_machine() {
        for (public, host, secure) in [
            (None, "127.0.0.1:8080", false),
            (None, "localhost", false),
            (None, "[::1]:8080", false),
            (None, "hours.example", true),
            (None, "localhost.evil.example", true),
            (Some("https://hours.example"), "127.0.0.1:8080", true),
            (Some("http://localhost:8080"), "localhost:8080", false),
        ] {
            assert_eq!(site(public, host).is_secure(), secure, "{public:?} {host}");
        }
    }
}
