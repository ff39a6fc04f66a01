//! What the database says: that it answers, its migrations, its clock, its connections, and the keys of what is sealed.

use service::length_in_words;
use service::maintenance::{self, Facts};

use super::Check;
use crate::cli::secret_key::{self, Ring};
use crate::cli::{Common, Failure, sqlite};

/// Clocks that are further apart are reported, in milliseconds.
const APART: i64 = 2_000;
/// Clocks that are further apart make tokens expire at the wrong time, in milliseconds.
const FAR_APART: i64 = 60_000;
/// A database that takes longer to answer is reported, in milliseconds.
const SLOW: u64 = 50;

/// Every check of the database; those that need it are left out when it cannot be reached.
pub(super) async fn checks(common: &Common, setting: &secret_key::Setting) -> Vec<Check> {
    let url = &common.database_url;
    if let Some(file) = sqlite::path(url).filter(|file| !file.exists()) {
        let detail = format!("there is no database at {} yet", file.display());
        return vec![Check::warn(
            "database",
            detail,
            "start `hoursmith serve`, which makes it, or check HOURSMITH_DATABASE_URL",
        )];
    }
    // First the way that migrations go, since it says best why there is none.
    let steps = match migration::status(common.migration_url()).await {
        Ok(steps) => steps,
        Err(why) => {
            let why = why.to_string();
            let advice = "check HOURSMITH_DATABASE_URL, that the database runs, and that this machine may reach it";
            return vec![Check::fail("database", common.without_urls(&why), advice)];
        }
    };
    if let Err(why) = common.check_direct().await {
        let advice = "correct HOURSMITH_DATABASE_DIRECT_URL, or leave it out";
        return vec![Check::fail("database", common.without_urls(&why.0), advice)];
    }
    let facts = match maintenance::facts(url).await {
        Ok(facts) => facts,
        Err(why) => {
            let why = common.without_urls(&why.to_string());
            let advice = match why.starts_with(maintenance::DAMAGED) {
                true => "stop the server, and restore the last backup (`hoursmith restore`)",
                false => "check that HOURSMITH_DATABASE_URL leads to the database and that its user may read it",
            };
            return vec![Check::fail("database", why, advice)];
        }
    };
    let mut checks = vec![answers(&facts), migrations(&steps.0, &steps.1), clock(&facts)];
    if sqlite::path(url).is_none() {
        checks.push(pooler(common, &facts));
        checks.extend(connections(common, &facts));
        // A pending step makes the index.
        checks.extend(search(&facts).filter(|_| steps.0.iter().all(|step| step.applied)));
    }
    checks.push(keys(url, setting, &facts));
    checks
}

fn answers(facts: &Facts) -> Check {
    let detail = format!("{}, {} ms there and back", facts.version, facts.round_trip_ms);
    if facts.round_trip_ms > SLOW {
        return Check::warn(
            "database",
            detail,
            "run the server near the database: every request asks it at least once",
        );
    }
    Check::ok("database", detail)
}

fn migrations(known: &[migration::Status], unknown: &[migration::UnknownStep]) -> Check {
    const NAME: &str = "migrations";
    let names = |names: Vec<&str>| names.join(", ");
    if let Some(step) = unknown.iter().find(|step| !step.compatible) {
        let detail = format!("the database has {}, which this release cannot work with", step.name);
        return Check::fail(NAME, detail, "start the release that migrated it, or a later one");
    }
    let pending: Vec<&str> = known.iter().filter(|step| !step.applied).map(|step| step.name.as_str()).collect();
    if !pending.is_empty() {
        let detail = format!("pending: {}", names(pending));
        return Check::warn(NAME, detail, "`hoursmith serve` and `hoursmith migrate` apply them; make a backup before");
    }
    if !unknown.is_empty() {
        let later = names(unknown.iter().map(|step| step.name.as_str()).collect());
        return Check::ok(NAME, format!("all {} applied, and later ones that are compatible: {later}", known.len()));
    }
    Check::ok(NAME, format!("all {} applied", known.len()))
}

fn clock(facts: &Facts) -> Check {
    const NAME: &str = "clock";
    let Some(ahead) = facts.clock_ahead_ms else {
        return match facts.newest_ahead_ms {
            Some(ahead) if ahead > FAR_APART => {
                let detail =
                    format!("rows were written {} after what is now by this machine's clock", length_in_words(ahead));
                Check::fail(NAME, detail, "set the clock of this machine, and let it follow a time server")
            }
            _ => Check::ok(NAME, "an embedded database has the clock of this machine"),
        };
    };
    let (apart, side) = (length_in_words(ahead), if ahead < 0 { "behind" } else { "ahead of" });
    let detail = format!("the database's clock is {apart} {side} this machine's");
    let advice = "let both machines follow the same time server (chrony, systemd-timesyncd)";
    match ahead.abs() {
        apart if apart > FAR_APART => Check::fail(NAME, detail, advice),
        apart if apart > APART => Check::warn(NAME, detail, advice),
        _ => Check::ok(NAME, detail),
    }
}

fn pooler(common: &Common, facts: &Facts) -> Check {
    const NAME: &str = "pooler";
    let has_direct = common.direct_url().is_some();
    match (facts.pooler, has_direct) {
        (None, _) => Check::ok(NAME, "none in between"),
        (Some(_), true) => Check::ok(NAME, "one is in between, and HOURSMITH_DATABASE_DIRECT_URL leads past it"),
        (Some(keeps), false) => {
            let statements = if keeps { "keeps" } else { "does not keep" };
            let detail = format!(
                "one is in between, which {statements} prepared statements; other replicas are noticed by a poll"
            );
            Check::warn(NAME, detail, "set HOURSMITH_DATABASE_DIRECT_URL to a URL past it, for LISTEN")
        }
    }
}

fn connections(common: &Common, facts: &Facts) -> Option<Check> {
    let free = facts.free_connections?;
    let wanted = i64::from(common.database_connections) + 1;
    let detail = format!("the database takes {free} more connections; a server opens up to {wanted}");
    Some(if free < wanted {
        Check::warn(
            "connections",
            detail,
            "lower HOURSMITH_DATABASE_CONNECTIONS, raise max_connections, or use a pooler",
        )
    } else {
        Check::ok("connections", detail)
    })
}

fn search(facts: &Facts) -> Option<Check> {
    const NAME: &str = "search";
    Some(match facts.search_index? {
        true => Check::ok(NAME, "searches find their rows by an index (pg_trgm)"),
        false => Check::warn(
            NAME,
            "searches read all rows of the workspace: there is no index for them",
            "as a superuser run CREATE EXTENSION pg_trgm, then make the indexes that docs/operating.md names",
        ),
    })
}

fn keys(url: &str, setting: &secret_key::Setting, facts: &Facts) -> Check {
    const NAME: &str = "secretKey";
    let ring = match setting.find(url) {
        Ok(ring) => ring,
        Err(Failure(why)) => return Check::fail(NAME, why, "mend the key before you start the server"),
    };
    let at_hand = ring.as_ref().map(Ring::fingerprints).unwrap_or_default();
    let missing: Vec<_> = facts.keys.iter().filter(|key| !at_hand.contains(&key.fingerprint)).collect();
    if !missing.is_empty() {
        let secrets: i64 = missing.iter().map(|key| key.secrets).sum();
        let ids = missing.iter().map(|key| key.fingerprint.as_str()).collect::<Vec<_>>().join(", ");
        let detail = format!("{secrets} secrets were sealed with a key that is not at hand: {ids}");
        let place = sqlite::beside(url, ".key").map(|file| format!("put its file back to {}, or ", file.display()));
        let advice = format!("{}add the key to HOURSMITH_SECRET_KEY, after the first", place.unwrap_or_default());
        return Check::fail(NAME, detail, advice);
    }
    let sealed: i64 = facts.keys.iter().map(|key| key.secrets).sum();
    match ring {
        Some(ring) => {
            let place = ring.file.map_or_else(|| "HOURSMITH_SECRET_KEY".to_owned(), |file| file.display().to_string());
            Check::ok(NAME, format!("{place} opens all {sealed} secrets ({})", at_hand.join(", ")))
        }
        None if sqlite::path(url).is_some() => {
            Check::ok(NAME, "none yet, and nothing is sealed; the first start makes one")
        }
        None => {
            Check::fail(NAME, "HOURSMITH_SECRET_KEY is not set", "make one with `openssl rand -base64 32` and store it")
        }
    }
}
