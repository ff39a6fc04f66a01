//! Another tenant, who reads and writes a little while the attack runs, as a client of theirs would.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::program::Attacked;

/// Requests of each of their tokens per second: what the plan allows all the time.
const RATE: u32 = 5;
/// How long an answer may take before it counts as failed.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// A tenant with a few clients.
pub struct Bystander {
    http: reqwest::Client,
    at: String,
    tokens: Vec<String>,
    keys: AtomicUsize,
}

/// What the tenant felt.
#[derive(Clone, Debug, Default)]
pub struct Felt {
    /// How long each answer took, from the shortest to the longest.
    pub waits: Vec<Duration>,
    /// What went wrong: statuses of five hundred, refusals, connections that broke.
    pub failures: Vec<String>,
}

impl Felt {
    /// What so many of a hundred waited at most.
    pub fn of_hundred(&self, part: usize) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        self.waits.get((self.waits.len() * part / 100).min(last)).copied().unwrap_or_default()
    }
}

impl Bystander {
    /// Of the workspace that only works.
    pub async fn new(attacked: &Attacked) -> Arc<Bystander> {
        let http = reqwest::Client::builder().no_proxy().timeout(GIVEN_UP).build().unwrap();
        let (at, tokens) = (format!("http://{}", attacked.target.address), attacked.working.clone());
        let bystander = Arc::new(Bystander { http, at, tokens, keys: AtomicUsize::new(0) });
        // Everything is there once before it is measured.
        let felt = bystander.work(Instant::now() + Duration::from_millis(600)).await;
        assert!(felt.failures.is_empty(), "{:?}", felt.failures);
        bystander
    }

    /// Works until then.
    pub async fn work(self: &Arc<Self>, until: Instant) -> Felt {
        let mut working = vec![];
        for place in 0..self.tokens.len() {
            let bystander = self.clone();
            working.push(tokio::spawn(async move { bystander.work_with(place, until).await }));
        }
        let mut felt = Felt::default();
        for one in working {
            let one = one.await.unwrap();
            felt.waits.extend(one.waits);
            felt.failures.extend(one.failures);
        }
        felt.waits.sort();
        felt
    }

    async fn work_with(&self, place: usize, until: Instant) -> Felt {
        let mut felt = Felt::default();
        let between = Duration::from_secs(1) / RATE;
        // They do not all ask at the same instant.
        let tokens = u32::try_from(self.tokens.len()).unwrap();
        let mut next = Instant::now() + between * u32::try_from(place).unwrap() / tokens;
        for turn in place.. {
            if next >= until {
                break;
            }
            sleep_until(next).await;
            let began = Instant::now();
            match self.ask(&self.tokens[place], turn).await {
                Ok(200 | 201) => felt.waits.push(began.elapsed()),
                Ok(status) => felt.failures.push(format!("{status} after {:?}", began.elapsed())),
                Err(cause) => felt.failures.push(format!("{cause:?} after {:?}", began.elapsed())),
            }
            // Who waits long does not ask for what was missed.
            next = Instant::now().max(next + between);
        }
        felt
    }

    /// One request in three writes.
    async fn ask(&self, token: &str, turn: usize) -> reqwest::Result<u16> {
        let request = match turn % 3 {
            0 => self.http.get(format!("{}/api/v1/me", self.at)),
            1 => self.http.get(format!("{}/api/v1/clients?limit=10", self.at)),
            _ => {
                let key = self.keys.fetch_add(1, Ordering::Relaxed);
                let post =
                    self.http.post(format!("{}/api/v1/clients", self.at)).header("idempotency-key", format!("w{key}"));
                post.header("content-type", "application/json").body(json!({ "name": format!("C{key}") }).to_string())
            }
        };
        let answer = request.bearer_auth(token).send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await?;
        Ok(status)
    }
}
