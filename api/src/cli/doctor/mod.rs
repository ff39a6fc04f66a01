//! `doctor`: looks at everything that a server needs, and says what to do about what is wrong. Changes nothing.

mod database;
mod surroundings;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Common, Failure, oidc, print, secret_key};

#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    secret_key: secret_key::Setting,
    /// The Redis or Valkey in which replicas share their rate-limit buckets.
    #[arg(long, env = "HOURSMITH_REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// A PEM file of the authorities that sign the certificate of a Redis behind rediss://.
    #[arg(long, env = "HOURSMITH_REDIS_CA")]
    redis_ca: Option<PathBuf>,
    /// Private networks that webhooks may reach, comma-separated.
    #[arg(long, env = "HOURSMITH_WEBHOOK_ALLOW", default_value = "")]
    webhook_allow: String,
    /// The URL of this server, where an OpenID provider leads back to.
    #[arg(long, env = "HOURSMITH_PUBLIC_URL")]
    public_url: Option<String>,
    #[command(flatten)]
    oidc: oidc::Setting,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    check: &'static str,
    status: Status,
    detail: String,
    /// What to do; none if nothing is to be done.
    advice: Option<String>,
}

impl Check {
    fn ok(check: &'static str, detail: impl Into<String>) -> Check {
        Check { check, status: Status::Ok, detail: detail.into(), advice: None }
    }

    fn warn(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { check, status: Status::Warn, detail: detail.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { check, status: Status::Fail, detail: detail.into(), advice: Some(advice.into()) }
    }
}

impl Doctor {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        common.check_url()?;
        let mut checks = database::checks(common, &self.secret_key).await;
        checks.extend(surroundings::files(&common.database_url));
        checks.push(surroundings::time_zones());
        checks.push(surroundings::redis(self.redis_url.as_deref().unwrap_or_default(), self.redis_ca).await);
        checks.push(surroundings::webhook_allow(&self.webhook_allow));
        let public_url = self.public_url.filter(|url| !url.is_empty());
        checks.push(surroundings::public_url(public_url.as_deref()));
        checks.push(surroundings::identity_provider(&self.oidc, public_url.as_deref()).await);
        // Beside a server that was started with others, they are not about that server.
        let whose = "Looked at with the settings of this command (its flags, environment and file); a server may run with others.";
        let words: Vec<String> = [whose.to_owned()].into_iter().chain(checks.iter().map(in_words)).collect();
        print::outcome(common.json, &checks, words.join("\n"))?;
        let failed: Vec<_> =
            checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.check).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("what is wrong: {}", failed.join(", ")).into()) }
    }
}

fn in_words(check: &Check) -> String {
    let status = match check.status {
        Status::Ok => "ok  ",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    };
    let advice = check.advice.as_ref().map(|advice| format!("\n      {advice}")).unwrap_or_default();
    format!("{status}  {:<14} {}{advice}", check.check, check.detail)
}
