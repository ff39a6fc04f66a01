//! What is around the database: its folder and files, the disk, time zones, Redis, where webhooks may go, and the provider at
//! which members sign in.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use service::value::TimeZone;
use service::{Clock, Config, maintenance};

use super::{Check, Status};
use crate::cli::{Failure, files, oidc, sqlite, values};

/// Less free space than this is reported, in MiB.
const LITTLE_SPACE: u64 = 1024;
/// With less than this, writes fail soon, in MiB.
const NO_SPACE: u64 = 64;

/// The folder, the disk and the files of an embedded database; a server keeps its own.
pub(super) fn files(database_url: &str) -> Vec<Check> {
    let Some(database) = sqlite::resolved(database_url) else {
        return vec![
            Check::ok("diskSpace", "the database's disk is not visible from here"),
            Check::ok("folder", "nothing is written on this machine"),
        ];
    };
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    vec![space(&folder, &database), writable(&folder), modes(&database)]
}

fn space(folder: &Path, database: &Path) -> Check {
    const NAME: &str = "diskSpace";
    let stat = match rustix::fs::statvfs(folder) {
        Ok(stat) => stat,
        Err(cause) => {
            return Check::fail(NAME, format!("{}: {cause}", folder.display()), "check that the folder exists");
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize) / (1024 * 1024);
    let sizes = ["", "-wal"].map(|ending| std::fs::metadata(files::with_ending(database, ending)));
    let size = sizes.into_iter().flatten().map(|file| file.len()).sum::<u64>() / (1024 * 1024);
    let detail = format!("{free} MiB free in {}, the database has {size} MiB", folder.display());
    let advice = "make space: an upgrade and a backup each need as much as the database";
    match free {
        free if free < NO_SPACE => Check::fail(NAME, detail, advice),
        free if free < LITTLE_SPACE.max(size) => Check::warn(NAME, detail, advice),
        _ => Check::ok(NAME, detail),
    }
}

fn writable(folder: &Path) -> Check {
    let trial = folder.join(format!(".hoursmith-doctor-{}", std::process::id()));
    let written = files::create(&trial).map(drop).and_then(|()| files::remove(&trial));
    let shown = folder.display();
    match written {
        Ok(()) => Check::ok("folder", format!("{shown} can be written to")),
        Err(Failure(why)) => {
            Check::fail("folder", why, format!("give the user of the server the right to write to {shown}"))
        }
    }
}

fn modes(database: &Path) -> Check {
    const NAME: &str = "files";
    let mut check = Check::ok(NAME, "readable by their user alone");
    let companions = ["", "-wal", "-shm", ".lock", ".key"].map(|ending| files::with_ending(database, ending));
    let open: Vec<String> = companions
        .iter()
        .filter_map(|path| files::open_to_others(path).map(|mode| format!("{} ({mode:04o})", path.display())))
        .collect();
    if !open.is_empty() {
        let key = files::open_to_others(&companions[4]).is_some();
        check.status = if key { Status::Fail } else { Status::Warn };
        check.detail = format!("others on this machine can read {}", open.join(", "));
        check.advice = Some(format!("run `chmod 600 {}*`", database.display()));
    }
    check
}

pub(super) fn time_zones() -> Check {
    const NAME: &str = "timeZones";
    let (version, of_system) = TimeZone::data_version();
    let detail = format!("IANA {version}, {}", if of_system { "the system's" } else { "in the program" });
    let year = version.get(..4).and_then(|year| year.parse::<i64>().ok()).unwrap_or_default();
    // Some rule changes nearly every year.
    let now = Clock::system().now().to_string();
    let this_year = now.get(..4).and_then(|year| year.parse::<i64>().ok()).unwrap_or(year);
    if this_year - year > 1 {
        return Check::warn(NAME, detail, "update the system's tzdata, or Hoursmith: the newer of the two is used");
    }
    Check::ok(NAME, detail)
}

/// What the server is called by browsers.
pub(super) fn public_url(setting: Option<&str>) -> Check {
    const NAME: &str = "publicUrl";
    let Some(setting) = setting else {
        return Check::ok(NAME, "none is set: documents and links contain paths only");
    };
    match values::public_url(setting) {
        Err(Failure(why)) => Check::fail(NAME, why, "correct the setting"),
        Ok(url) if values::needs_tls(&url) => Check::warn(
            NAME,
            format!("{url} begins with http://, and browsers do not return the cookie of a sign-in over it"),
            "terminate TLS in a proxy, and set HOURSMITH_PUBLIC_URL to the https:// address",
        ),
        Ok(url) => Check::ok(NAME, format!("browsers are to call this server {url}")),
    }
}

pub(super) async fn redis(url: &str, authorities: Option<PathBuf>) -> Check {
    const NAME: &str = "redis";
    if url.is_empty() {
        return Check::ok(NAME, "none is set: every replica counts rate limits by itself");
    }
    let authorities = authorities.filter(|path| !path.as_os_str().is_empty());
    let authorities = match authorities.map(std::fs::read).transpose() {
        Ok(authorities) => authorities,
        Err(cause) => {
            return Check::fail(NAME, format!("HOURSMITH_REDIS_CA: {cause}"), "name a PEM file of certificates");
        }
    };
    if let Err(why) = Config::check_redis_url(url, authorities.as_deref()) {
        return Check::fail(NAME, why, "correct the setting");
    }
    match maintenance::redis_answers(url, authorities.as_deref()).await {
        Ok(()) => Check::ok(NAME, "it answers"),
        Err(why) => {
            let advice = "start it or correct HOURSMITH_REDIS_URL; until then every replica counts by itself";
            Check::warn(NAME, why.to_string(), advice)
        }
    }
}

pub(super) fn webhook_allow(setting: &str) -> Check {
    const NAME: &str = "webhookAllow";
    let networks: Vec<IpNet> = match values::networks("HOURSMITH_WEBHOOK_ALLOW", setting) {
        Ok(networks) => networks,
        Err(Failure(why)) => return Check::fail(NAME, why, "correct the setting"),
    };
    if networks.is_empty() {
        return Check::ok(NAME, "webhooks reach public addresses only");
    }
    let shown = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if networks.iter().any(|network| network.prefix_len() == 0) {
        let advice = "name the networks of your receivers: Admins of every workspace can reach everything else, too";
        return Check::warn(NAME, format!("webhooks may reach every address ({shown})"), advice);
    }
    Check::warn(
        NAME,
        format!("webhooks may reach {shown}, over http too"),
        "meant for development: Admins of every workspace can reach these networks through the server",
    )
}

pub(super) async fn identity_provider(setting: &oidc::Setting, public_url: Option<&str>) -> Check {
    const NAME: &str = "oidc";
    match setting.provider(public_url) {
        Ok(None) => Check::ok(NAME, "none is set: members sign in by links and passkeys"),
        Err(Failure(why)) => Check::fail(NAME, why, "correct the setting"),
        Ok(Some(provider)) => match provider.answers().await {
            Ok(()) => Check::ok(NAME, "the provider answers, and signs by an algorithm that is accepted"),
            Err(why) => {
                let advice = "correct HOURSMITH_OIDC_ISSUER, or the way from this server to it; until then links and passkeys sign in";
                Check::warn(NAME, format!("the provider {} cannot be used: {why}", setting.issuer()), advice)
            }
        },
    }
}
