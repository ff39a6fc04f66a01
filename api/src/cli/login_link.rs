//! `login-link`: a one-use link into the settings pages, made by the operator.

use clap::Args;
use service::value::{OrganizationId, Timestamp};
use service::{Operator, session};

use super::manage::value;
use super::{Common, Failure, internal, print, sqlite};

#[derive(Args)]
pub(super) struct LoginLink {
    /// The workspace's id.
    #[arg(long, value_parser = value::<OrganizationId>)]
    workspace: OrganizationId,
    /// The e-mail address of the member.
    #[arg(long)]
    member: String,
    /// The URL of the server, as browsers reach it; by default that of the server that has the embedded database open, or else
    /// the address that it listens on.
    #[arg(long, env = "HOURSMITH_PUBLIC_URL")]
    public_url: Option<String>,
    /// The address that the server listens on, where no running one is known.
    #[arg(long, env = "HOURSMITH_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
}

/// What the command prints.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    url: String,
    expires_at: Timestamp,
}

impl LoginLink {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        let link = session::create_link(&operator, self.workspace, &self.member).await.map_err(internal)?;
        let running = sqlite::url_of_server(&common.database_url)?;
        let known = self.public_url.filter(|url| !url.is_empty()).or(running);
        if known.is_none() {
            tracing::warn!("the address of the server is a guess: set HOURSMITH_PUBLIC_URL to what browsers call it");
        }
        let base = known.unwrap_or_else(|| local_url(&self.listen));
        let made = Made { url: crate::settings::link_of(&base, &link.code), expires_at: link.expires_at };
        print::outcome(common.json, &made, format!("{}\nIt works once, until {}.", made.url, made.expires_at))
    }
}

/// A URL of a server on this machine; one that listens on all addresses is reached by the first.
pub(super) fn local_url(listen: &str) -> String {
    let listen = listen.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
    format!("http://{listen}")
}
