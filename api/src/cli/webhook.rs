//! `webhook`: for developers of receivers. `listen` forwards events to their machine, `trigger` sends a made-up one.

use std::collections::HashMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use service::Clock;
use service::value::{EventType, Timestamp, WebhookEndpointId};
use service::webhook::{Forwarded, Forwarder, Secret};

use super::manage::value;
use super::values::target_url;
use super::{Common, Failure, internal, print};

/// How often the server is polled for new events.
const POLL: Duration = Duration::from_secs(1);
/// How far behind a slow commit may appear, in milliseconds.
const OVERLAP: i64 = 60_000;
/// One poll in so many looks back by `OVERLAP`; the others by `SHORT_OVERLAP`, which covers most commits.
const LOOK_BACK: u32 = 15;
const SHORT_OVERLAP: i64 = 2_000;

/// What is said of a secret that cannot sign, which is never repeated.
const NOT_A_SECRET: &str =
    "--secret must be wsk_ (or whsec_) and the base64 of 32 bytes, such as `listen` prints without it";

#[derive(Subcommand)]
pub(super) enum Webhook {
    /// Forward events to a URL on this machine, signed with a secret that is printed first.
    Listen {
        #[command(flatten)]
        server: Server,
        /// The URL to post events to.
        #[arg(long, value_parser = target_url)]
        forward_to: String,
        /// Types of events, comma-separated; by default all.
        #[arg(long, value_delimiter = ',', value_parser = value::<EventType>)]
        events: Vec<EventType>,
        /// The secret to sign with, `wsk_` and the base64 of 32 bytes; by default a new one at each start.
        #[arg(long, env = "HOURSMITH_WEBHOOK_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
    /// Send a made-up event to a webhook endpoint: the test call.
    Trigger {
        #[command(flatten)]
        server: Server,
        /// The type of the event, such as client.created.
        #[arg(value_parser = value::<EventType>)]
        event: EventType,
        /// The endpoint's id.
        #[arg(long, value_parser = value::<WebhookEndpointId>)]
        endpoint: WebhookEndpointId,
    },
}

/// The server, and the token for it.
#[derive(Args)]
pub(super) struct Server {
    /// The URL of the server.
    #[arg(long, env = "HOURSMITH_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,
    /// The API token to act with; for webhooks that of an Owner or Admin.
    #[arg(long, env = "HOURSMITH_API_TOKEN", hide_env_values = true)]
    pub(super) token: String,
}

/// A page of events, each with its stored body.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    pagination: Pagination,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_cursor: Option<String>,
}

/// The fields of an event that forwarding needs.
#[derive(Deserialize)]
struct Head {
    id: String,
    r#type: String,
    created: i64,
}

impl Webhook {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let forwarder = Forwarder::new().map_err(internal)?;
        match self {
            Webhook::Trigger { server, event, endpoint } => {
                let path = format!("/webhook-endpoints/{endpoint}/test");
                // Each call is an operation of its own.
                let key = format!("trigger-{:032x}", rand::random::<u128>());
                let body = json!({ "type": event.as_str() }).to_string();
                let text = server.ask(&forwarder, &path, Some((&key, body))).await?.0;
                let delivery: Value = serde_json::from_str::<Value>(&text)?["data"].take();
                let words = format!("{}  {}  {}", delivery["id"], delivery["status"], event).replace('"', "");
                print::outcome(common.json, &delivery, words)
            }
            Webhook::Listen { server, forward_to, events, secret } => {
                let secret = match secret.filter(|text| !text.is_empty()) {
                    Some(text) => Secret::parse(&text).ok_or(NOT_A_SECRET)?,
                    None => Secret::random().map_err(internal)?,
                };
                let listener = Listener { forwarder, server, forward_to, events, secret, seen: HashMap::new() };
                tokio::select! {
                    ended = listener.run(common.json) => ended,
                    _ = tokio::signal::ctrl_c() => Ok(()),
                }
            }
        }
    }
}

impl Server {
    /// The body of a successful response, and the server's clock.
    async fn ask(
        &self,
        forwarder: &Forwarder,
        path: &str,
        post: Option<(&str, String)>,
    ) -> Result<(String, Option<i64>), Unanswered> {
        let base = self.url.trim_end_matches('/');
        let reply = loop {
            let reply = forwarder.ask(&format!("{base}/api/v1{path}"), &self.token, post.clone()).await;
            let reply = reply.map_err(|why| Unanswered::Lost(format!("{base}: {why}")))?;
            match reply.retry_after {
                // After a burst there is more to read than the rate limit allows at once: no page is read twice.
                Some(wait) if reply.status == 429 => tokio::time::sleep(wait).await,
                _ => break reply,
            }
        };
        if (200..300).contains(&reply.status) {
            return Ok((reply.body, reply.date));
        }
        let error: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let message = error["error"]["message"].as_str().unwrap_or("no answer of a Hoursmith server").to_owned();
        let message = format!("{base} answered {}: {message}", reply.status);
        Err(if matches!(reply.status, 401..=403) { Unanswered::Refused(message) } else { Unanswered::Lost(message) })
    }
}

/// Why a server gave nothing.
enum Unanswered {
    /// The token, the role or the plan does not allow it: asking again would change nothing.
    Refused(String),
    /// It may answer the next time.
    Lost(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Unanswered::Refused(why) | Unanswered::Lost(why)) = self;
        f.write_str(why)
    }
}

impl From<serde_json::Error> for Unanswered {
    fn from(error: serde_json::Error) -> Unanswered {
        Unanswered::Lost(error.to_string())
    }
}

struct Listener {
    forwarder: Forwarder,
    server: Server,
    forward_to: String,
    events: Vec<EventType>,
    secret: Secret,
    /// The events that were forwarded or happened before the start, each with its second.
    seen: HashMap<String, i64>,
}

impl Listener {
    async fn run(mut self, as_json: bool) -> Result<(), Failure> {
        let (_, date) = self.server.ask(&self.forwarder, "/events?limit=1", None).await?;
        let clock = Clock::system();
        // The server's clock counts, not that of this machine.
        let mut newest = date.unwrap_or_else(|| clock.now().millis());
        // The position of the last long look back: events that were committed late since then are found from there.
        let mut looked_back = newest;
        // Events before the start are not forwarded.
        for (head, _) in self.new_events(newest - OVERLAP).await? {
            self.seen.insert(head.id, head.created);
        }
        let secret = self.secret.text();
        let begun = json!({ "secret": secret, "forwardTo": self.forward_to });
        let words = format!("signing secret: {secret}\nforwarding events to {}", self.forward_to);
        print::outcome(as_json, &begun, words)?;
        for poll in (0..LOOK_BACK).cycle() {
            tokio::time::sleep(POLL).await;
            let from = if poll == 0 { looked_back - OVERLAP } else { newest - SHORT_OVERLAP };
            let events = match self.new_events(from).await {
                Ok(events) => events,
                Err(refused @ Unanswered::Refused(_)) => return Err(refused.into()),
                Err(Unanswered::Lost(why)) => {
                    print::problem(&format!("hoursmith: {why}; asking again"));
                    continue;
                }
            };
            if poll == 0 {
                looked_back = newest;
            }
            for (head, body) in events {
                let now = clock.now();
                let answer = self.forwarder.forward(&self.forward_to, &head.id, &body, &self.secret, now).await;
                let Forwarded { status, error } = answer;
                let result = status.map(|status| status.to_string()).or_else(|| error.clone()).unwrap_or_default();
                let line = json!({ "id": head.id, "type": head.r#type, "responseStatus": status, "error": error });
                print::outcome(as_json, &line, format!("{}  {}  {result}", head.r#type, head.id))?;
                newest = newest.max(head.created * 1000);
                self.seen.insert(head.id, head.created);
            }
            self.seen.retain(|_, created| *created * 1000 >= looked_back - OVERLAP - 1000);
        }
        Ok(())
    }

    /// The events that were not seen before, in order.
    async fn new_events(&self, from: i64) -> Result<Vec<(Head, String)>, Unanswered> {
        let from = Timestamp::from_millis(from);
        let types: String = self.events.iter().map(|kind| format!("&type={kind}")).collect();
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let path = format!("/events?sort=createdAt&limit=200&createdAtFrom={from}{types}{after}");
            let text = self.server.ask(&self.forwarder, &path, None).await?.0;
            let page: Page<'_> = serde_json::from_str(&text)?;
            for raw in page.data {
                let head: Head = serde_json::from_str(raw.get())?;
                if !self.seen.contains_key(&head.id) {
                    found.push((head, raw.get().to_owned()));
                }
            }
            cursor = page.pagination.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}
