//! The programs of PostgreSQL that dump and load a database, as lines for a shell, without a password in them.

use std::path::Path;

use crate::cli::files;

/// Parameters of a URL that PostgreSQL's own programs know.
const KNOWN: [&str; 6] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port"];

/// The line that dumps a database beside the file of a backup, into a file that nobody else can read.
pub(super) fn dump_line(url: &str, backup: &Path) -> String {
    let (dump, url) = (quoted(&dump_of(backup)), quoted(&without_password(url)));
    format!("(umask 077 && pg_dump --format=custom --no-owner --no-acl --file={dump} {url})")
}

/// The line that loads it into a database, whose roles need not be those of the dump.
pub(super) fn load_line(url: &str, backup: &Path) -> String {
    let url = quoted(&without_password(url));
    format!(
        "pg_restore --clean --if-exists --no-owner --no-acl --single-transaction --dbname={url} {}",
        quoted(&dump_of(backup))
    )
}

fn dump_of(backup: &Path) -> String {
    files::with_ending(backup, ".dump").display().to_string()
}

/// The URL as PostgreSQL's own programs take it; the password comes from `PGPASSWORD` or `~/.pgpass`.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let known = |pair: &&str| KNOWN.iter().any(|name| pair.split('=').next() == Some(name));
    let query = query.split('&').filter(known).collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    format!("{scheme}://{authority}{path}{query}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_no_password_and_can_be_pasted() {
        let line = dump_line(
            "postgres://me:se@cret@db.example:5432/hours?sslmode=require&statement-cache-capacity=0",
            Path::new("b o.tar"),
        );
        assert_eq!(
            line,
            "(umask 077 && pg_dump --format=custom --no-owner --no-acl --file='b o.tar.dump' \
             'postgres://me@db.example:5432/hours?sslmode=require')"
        );
        assert!(
            load_line("postgresql://h/x'y", Path::new("b")).ends_with("--dbname='postgresql://h/x'\\''y' 'b.dump'")
        );
    }
}
