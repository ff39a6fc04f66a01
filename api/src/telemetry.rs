//! Logs: to standard error, as text or as one JSON object a line. Never `Authorization`, bodies, queries or secrets.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Characters of a secret that a log may show after its scheme, so that people can distinguish two of them.
const SHOWN: usize = 3;
/// How secrets of ours begin.
const SCHEMES: [&[u8]; 4] = [b"hsk_live_", b"hsk_test_", b"whsec_", b"wsk_"];
/// Libraries that write whole messages into the log at levels below this one, or what is no news.
const QUIET: [&str; 5] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "rmcp=warn",
    "sqlx::postgres::notice=warn",
    "sea_orm_migration=warn",
];

/// The crates of this program, which people know by its name.
const OURS: [&str; 5] = ["api", "schema", "service", "entity", "migration"];

/// A filter in which `hoursmith=LEVEL` names all crates of this program.
fn of_crates(filter: &str) -> String {
    let part = |part: &str| match part.trim().strip_prefix("hoursmith=") {
        Some(level) => OURS.map(|name| format!("{name}={level}")).join(","),
        None => part.to_owned(),
    };
    filter.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Starts logging; once in a process.
///
/// # Errors
/// The filter cannot be parsed.
pub fn init(filter: &str, format: LogFormat) -> Result<(), String> {
    let mut filter =
        EnvFilter::try_new(of_crates(filter)).map_err(|e| format!("HOURSMITH_LOG is no log filter: {e}"))?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse::<Directive>().map_err(|e| e.to_string())?);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Masked(io::stderr()));
    let builder = builder.with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

/// Writes log lines without the secrets that stand in them. Each line is written whole, so that none is cut in two.
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match masked(line) {
            Some(masked) => self.0.write_all(&masked)?,
            None => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with every secret cut after its first characters; `None` if there is none in it.
fn masked(line: &[u8]) -> Option<Vec<u8>> {
    let is_secret = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+/=".contains(byte);
    let mut masked: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = line[at..].iter().position(|byte| matches!(byte, b'h' | b'w')) {
        at += found;
        let Some(scheme) = SCHEMES.iter().find(|scheme| line[at..].starts_with(scheme)) else {
            at += 1;
            continue;
        };
        let secret = at + scheme.len();
        let length = line[secret..].iter().take_while(|byte| is_secret(byte)).count();
        if length > SHOWN {
            let masked = masked.get_or_insert_default();
            masked.extend_from_slice(&line[copied..secret + SHOWN]);
            masked.extend_from_slice("…".as_bytes());
            copied = secret + length;
        }
        at = secret + length;
    }
    masked.map(|mut masked| {
        masked.extend_from_slice(&line[copied..]);
        masked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_known_by_its_name() {
        assert_eq!(of_crates("info"), "info");
        let all = "warn,api=debug,schema=debug,service=debug,entity=debug,migration=debug,hyper=info";
        assert_eq!(of_crates("warn,hoursmith=debug,hyper=info"), all);
    }

    #[test]
    fn secrets_are_cut_wherever_they_stand() {
        let (prefix, secret) = ("ABCdef123456", "0123456789abcdefghijABCDEFGHIJ01");
        for (line, written) in [
            (format!("path=/api/hsk_live_{prefix}_{secret} x"), "path=/api/hsk_live_ABC… x"),
            (format!("{{\"a\":\"Bearer hsk_test_{prefix}_{secret}\"}}"), "{\"a\":\"Bearer hsk_test_ABC…\"}"),
            (format!("hsk_live_{prefix} wsk_AAAABBBB+/== whsec_AAAABBBB="), "hsk_live_ABC… wsk_AAA… whsec_AAA…"),
            ("send `Authorization: Bearer hsk_live_…`".into(), "send `Authorization: Bearer hsk_live_…`"),
            ("who was here".into(), "who was here"),
        ] {
            let mut out = Vec::new();
            Masked(&mut out).write_all(line.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }
}
