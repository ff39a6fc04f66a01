//! Values of settings: read in the forms that people write, refused in one line where they could never work.

use std::net::{IpAddr, SocketAddr, TcpListener};

use ipnet::IpNet;
use service::value::Text;
use url::Url;

use super::Failure;

/// The parts of a comma-separated setting; an empty one has none.
pub(super) fn listed(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The networks of a setting; a bare address is a network of its own.
pub(super) fn networks(setting: &str, text: &str) -> Result<Vec<IpNet>, Failure> {
    let network = |part: &str| {
        let address = || part.parse::<IpAddr>().map(IpNet::from).ok();
        let network = part.parse().ok().or_else(address);
        network.ok_or_else(|| format!("{setting}: {part} is neither a network such as 10.0.0.0/8 nor an address"))
    };
    Ok(listed(text).map(network).collect::<Result<_, _>>()?)
}

/// Origins as browsers send them.
pub(super) fn origins(text: &str) -> Result<Vec<String>, Failure> {
    let origin = |part: &str| {
        let wrong = |why: &str| format!("HOURSMITH_CORS_ORIGINS: {part} {why}; an origin is like https://app.example");
        if part.contains('*') {
            return Err(wrong("has a wildcard, and every origin must be named"));
        }
        let url = web_url(part).ok_or_else(|| wrong("does not begin with https:// or http://, or has no host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a path, which no browser sends"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("names a user"));
        }
        Ok(url.origin().ascii_serialization())
    };
    Ok(listed(text).map(origin).collect::<Result<_, _>>()?)
}

/// The URL that clients call this server by, without a slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, Failure> {
    let url = web_url(text).filter(|url| {
        // Pages, their forms and their cookies live at the root.
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        plain && url.username().is_empty() && url.password().is_none()
    });
    match url {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => {
            Err(format!("HOURSMITH_PUBLIC_URL must be a URL without a path, such as https://hours.example, not {text}")
                .into())
        }
    }
}

/// Whether a public URL does not do for signing in: over plain HTTP browsers return the cookie on their own machine only.
pub(super) fn needs_tls(public_url: &str) -> bool {
    let Some(host) = public_url.strip_prefix("http://") else { return false };
    let name = host.strip_prefix('[').map_or_else(|| host.split(':').next(), |rest| rest.split(']').next());
    let name = name.unwrap_or_default();
    let is_here = name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !is_here
}

/// Where a database is: its file, or host and name, without user, password and parameters.
pub(super) fn place_of(database_url: &str) -> String {
    if let Some(file) = super::sqlite::path(database_url) {
        return file.display().to_string();
    }
    let rest = database_url.split_once("://").map_or(database_url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

/// A URL to send requests to.
pub(super) fn target_url(text: &str) -> Result<String, String> {
    match web_url(text) {
        Some(_) => Ok(text.trim().to_owned()),
        None => Err("must be a URL such as http://127.0.0.1:4000/hooks".into()),
    }
}

/// The URL of a server.
pub(super) fn server_url(text: &str) -> Result<String, String> {
    match web_url(text) {
        Some(_) => Ok(text.trim().to_owned()),
        None => Err("must be a URL such as http://127.0.0.1:8080".into()),
    }
}

/// A URL of the web; white space in it is a mistake, not something to be encoded.
fn web_url(text: &str) -> Option<Url> {
    let text = text.trim();
    let begins = ["http://", "https://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
    let url = Url::parse(text).ok().filter(|_| begins && !text.contains(char::is_whitespace))?;
    url.has_host().then_some(url)
}

/// Binds an address; a failure names the setting that chooses another, and the form where that is what is wrong.
pub(super) fn bind(setting: &str, address: &str) -> Result<TcpListener, Failure> {
    let is_whole = address.parse::<SocketAddr>().is_ok() || {
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        matches!(port, Some(Ok(_)))
    };
    if !is_whole {
        let port = address.trim_start_matches(':').parse::<u16>().ok();
        let example = port.map_or_else(|| "127.0.0.1:8080".to_owned(), |port| format!("127.0.0.1:{port}"));
        return Err(format!("{setting} must be ADDRESS:PORT, such as {example}, not {address}").into());
    }
    let failure = |e| format!("cannot listen on {address}: {e}; set {setting} to a free address");
    Ok(TcpListener::bind(address).map_err(failure)?)
}

/// An e-mail address, as far as can be seen: members are named by it.
pub(super) fn email(text: &str) -> Result<Text<254>, String> {
    let wrong = || "must be an e-mail address, such as ann@acme.example".to_owned();
    let (local, domain) = text.trim().split_once('@').ok_or_else(wrong)?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains('@') && !part.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    if !plain(local) || !plain(domain) || domain.starts_with('.') || domain.ends_with('.') {
        return Err(wrong());
    }
    super::manage::value(text)
}

/// A filter of the log. The library takes a word that is no level for the name of a module, and then shows nothing else.
pub(super) fn log_filter(text: &str) -> Result<(), Failure> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
    let parts: Vec<&str> = listed(text).collect();
    let wrong = parts.iter().find(|part| match part.rsplit_once('=') {
        // A filter by span or field ends in a bracket.
        _ if part.contains('[') => false,
        Some((target, level)) => target.trim().is_empty() || !is_level(level.trim()),
        None => !is_level(part),
    });
    let shown = match (wrong, parts.is_empty()) {
        (None, false) => return Ok(()),
        (Some(part), _) => (*part).to_owned(),
        (None, true) => "nothing".to_owned(),
    };
    let levels = LEVELS.join(", ");
    Err(format!("HOURSMITH_LOG must be a level ({levels}) or a filter such as info,hoursmith=debug, not {shown}")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why<T>(outcome: Result<T, Failure>) -> String {
        match outcome {
            Err(Failure(why)) => why,
            Ok(_) => String::new(),
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        let read = |text: &str| origins(text).unwrap_or_else(|Failure(why)| panic!("{why}"));
        assert_eq!(
            read("https://App.Example/, http://localhost:3000"),
            ["https://app.example", "http://localhost:3000"]
        );
        assert_eq!(read("https://bücher.example:443"), ["https://xn--bcher-kva.example"]);
        assert_eq!(read(""), Vec::<String>::new());
        for (wrong, named) in [
            ("*", "wildcard"),
            ("https://*.example", "wildcard"),
            ("app.example", "https://"),
            ("null", "https://"),
            ("localhost:3000", "https://"),
            ("https://a.example https://b.example", "https://"),
            ("https://app.example/path", "path"),
            ("https://me@app.example", "user"),
            ("ftp://app.example", "https://"),
        ] {
            assert!(why(origins(wrong)).contains(named), "{wrong}: {}", why(origins(wrong)));
        }
    }

    #[test]
    fn a_public_url_is_whole() {
        assert_eq!(public_url("https://hours.example/").ok().as_deref(), Some("https://hours.example"));
        assert!(why(public_url("https://example/hours/")).contains("without a path"));
        for wrong in ["api.example.com", "localhost:8080", "https://", "https://a?b", "https://u@a"] {
            assert!(why(public_url(wrong)).contains("HOURSMITH_PUBLIC_URL"), "{wrong}");
        }
    }

    #[test]
    fn signing_in_needs_tls_but_on_this_machine() {
        for (url, needs) in [
            ("https://hours.example", false),
            ("http://hours.example", true),
            ("http://localhost:8080", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
            ("http://localhost.evil.example", true),
        ] {
            assert_eq!(needs_tls(url), needs, "{url}");
        }
    }

    #[test]
    fn a_place_has_no_password() {
        assert_eq!(place_of("postgres://me:p@ss@db.example:5432/hours?sslmode=require"), "db.example:5432/hours");
        assert_eq!(place_of("postgres:///hours"), "/hours");
        assert_eq!(place_of("sqlite:///data/hours.db?mode=rwc"), "/data/hours.db");
    }

    #[test]
    fn networks_may_be_addresses() {
        let read = networks("X", "127.0.0.1, 10.0.0.0/8,::1").unwrap_or_else(|Failure(why)| panic!("{why}"));
        assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
        assert!(why(networks("X", "here")).contains("X: here"));
    }

    #[test]
    fn an_address_to_listen_on_is_explained() {
        let examples = [("9000", "127.0.0.1:9000"), (":9000", "127.0.0.1:9000"), ("127.0.0.1:99999", "127.0.0.1:8080")];
        for (wrong, example) in examples {
            let why = why(bind("HOURSMITH_LISTEN", wrong));
            assert!(why.contains("ADDRESS:PORT") && why.contains(example), "{wrong}: {why}");
        }
        assert!(bind("X", "127.0.0.1:0").is_ok() && bind("X", "localhost:0").is_ok());
    }

    #[test]
    fn an_email_address_looks_like_one() {
        assert!(email(" ann@acme.example ").is_ok() && email("a+b@x").is_ok());
        for wrong in ["notanemail", "@x", "a@", "a b@x", "a@b@c", "a@.x", ""] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_log_filter_has_levels() {
        for right in ["info", "WARN", "info,service=debug", "service::webhook=trace", "[request]=debug", "off"] {
            assert!(log_filter(right).is_ok(), "{right}");
        }
        for wrong in ["loud", "=", "", "service=loud", "info,,x"] {
            assert!(why(log_filter(wrong)).contains("HOURSMITH_LOG"), "{wrong}");
        }
    }
}
