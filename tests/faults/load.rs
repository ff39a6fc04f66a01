//! Clients that retry as documented: one key per operation, the same key until it succeeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::rng::Rng;
use crate::server::{Environment, Fleet};

/// One operation, and the reply that a client received.
#[derive(Clone, Debug)]
pub struct Operation {
    pub key: String,
    pub path: &'static str,
    pub body: Value,
    pub reply: Reply,
}

/// An answer: status, `Location`, `ETag`, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub tag: Option<String>,
    pub bytes: Vec<u8>,
}

/// The outcome of one request.
enum Outcome {
    Done { reply: Reply, replayed: bool },
    Again,
}

/// What the clients observed.
#[derive(Debug, Default)]
pub struct Tally {
    pub requests: AtomicUsize,
    /// Connections that broke or could not be made.
    pub cut: AtomicUsize,
    /// Requests that the client itself gave up while they ran.
    pub hung_up: AtomicUsize,
    pub server_errors: AtomicUsize,
    pub in_flight: AtomicUsize,
    /// Answers to a key that differ from the first.
    pub differing: AtomicUsize,
}

#[derive(Clone, Copy)]
pub struct Load {
    pub operations: usize,
    pub clients: usize,
    pub seed: u64,
    /// How often something fails meanwhile.
    pub failures: usize,
}

pub struct Client {
    http: reqwest::Client,
    fleet: Arc<Fleet>,
    token: String,
    project: String,
    tally: Arc<Tally>,
}

impl Client {
    pub async fn new(fleet: Arc<Fleet>, environment: &Environment) -> Client {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let mut client =
            Client { http, fleet, token: environment.token.clone(), project: String::new(), tally: Arc::default() };
        let id = async |client: &Client, path, body| {
            let Outcome::Done { reply, .. } = client.post(path, &body, path, 0).await else { panic!("{path} failed") };
            let answer: Value = serde_json::from_slice(&reply.bytes).unwrap();
            answer["data"]["id"].as_str().unwrap().to_owned()
        };
        let of = id(&client, "/api/v1/clients", json!({ "name": "Environment" })).await;
        client.project = id(&client, "/api/v1/projects", json!({ "clientId": of, "name": "Environment" })).await;
        client
    }

    /// The operation with this number: creates a client, an entry, or a batch of entries, each named by its key.
    fn operation(&self, number: usize) -> (String, &'static str, Value) {
        let key = format!("fault-{number}");
        let entry = json!({ "projectId": self.project, "durationSeconds": 60, "entryDate": "2026-06-11", "note": key });
        match number % 5 {
            0 | 1 => (key.clone(), "/api/v1/clients", json!({ "name": key })),
            2 | 3 => (key, "/api/v1/time-entries", entry),
            _ => (key, "/api/v1/time-entries/batch", json!({ "timeEntries": [entry, entry, entry] })),
        }
    }

    /// GET, which any server that is up must answer.
    pub async fn get(&self, path: &str) -> u16 {
        let address = self.fleet.address(0).expect("a server is up");
        let request = self.http.get(format!("{address}{path}")).bearer_auth(&self.token);
        request.send().await.unwrap().status().as_u16()
    }

    async fn post(&self, path: &str, body: &Value, key: &str, choice: u64) -> Outcome {
        let Some(address) = self.fleet.address(choice) else { return Outcome::Again };
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        let request = self.http.post(format!("{address}{path}")).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).header("content-type", "application/json");
        let answered = async {
            let response = request.body(body.to_string()).send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?.to_vec()))
        };
        let Ok((status, headers, bytes)) = answered.await else {
            self.tally.cut.fetch_add(1, Ordering::Relaxed);
            return Outcome::Again;
        };
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        match status {
            200..=299 => {
                let reply = Reply { status, location: header("location"), tag: header("etag"), bytes };
                Outcome::Done { reply, replayed: header("idempotent-replayed").is_some() }
            }
            409 if String::from_utf8_lossy(&bytes).contains("idempotency_in_flight") => {
                assert!(header("retry-after").is_some(), "a wait is reported");
                self.tally.in_flight.fetch_add(1, Ordering::Relaxed);
                Outcome::Again
            }
            500 | 503 => {
                assert!(status == 500 || header("retry-after").is_some(), "a wait is reported");
                self.tally.server_errors.fetch_add(1, Ordering::Relaxed);
                Outcome::Again
            }
            _ => panic!("{path} {key}: {status} {}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Sends the operation once, without a retry; for tests that expect a refusal.
    pub async fn try_once(&self, number: usize) -> bool {
        let (key, path, body) = self.operation(number);
        self.post_once(path, &body, &key, 0).await.is_some()
    }

    /// Retries until it succeeds. At random the client ignores a response, disconnects early, or sends twice at once.
    pub async fn persist(&self, number: usize, rng: &mut Rng) -> Operation {
        let (key, path, body) = self.operation(number);
        let mut first: Option<Reply> = None;
        let mut note = |reply: Reply, tally: &Tally| match &first {
            Some(first) if *first != reply => {
                tally.differing.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {}
            None => first = Some(reply),
        };
        if rng.one_in(10) {
            let timeout = Duration::from_micros(rng.below(4_000));
            match tokio::time::timeout(timeout, self.post(path, &body, &key, rng.below(100))).await {
                Ok(Outcome::Done { reply, .. }) => note(reply, &self.tally),
                Ok(Outcome::Again) => {}
                Err(_) => {
                    self.tally.hung_up.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        let mut wanted = 1 + usize::from(rng.one_in(3));
        while wanted > 0 {
            let (one, other) = (rng.below(100), rng.below(100));
            let outcomes = if rng.one_in(5) {
                let (one, other) = tokio::join!(self.post(path, &body, &key, one), self.post(path, &body, &key, other));
                vec![one, other]
            } else {
                vec![self.post(path, &body, &key, one).await]
            };
            let mut answered_once = false;
            for outcome in outcomes {
                if let Outcome::Done { reply, .. } = outcome {
                    note(reply, &self.tally);
                    answered_once = true;
                }
            }
            if answered_once {
                wanted -= 1;
            } else {
                sleep(Duration::from_millis(5 + rng.below(25))).await;
            }
        }
        Operation { key, path, body, reply: first.expect("it was done") }
    }

    /// Sends the operation again after the run: the reply, and whether it is a replay.
    pub async fn replay(&self, operation: &Operation, choice: u64) -> Option<(Reply, bool)> {
        self.post_once(operation.path, &operation.body, &operation.key, choice).await
    }

    /// One POST without a retry: the reply, and whether it is a replay.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str, choice: u64) -> Option<(Reply, bool)> {
        match self.post(path, body, key, choice).await {
            Outcome::Done { reply, replayed } => Some((reply, replayed)),
            Outcome::Again => None,
        }
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }
}

impl Load {
    /// When failure `i`, counted from 1, is due, in completed operations.
    pub fn due(&self, i: usize) -> usize {
        self.operations * i / (self.failures + 1)
    }

    /// How many failures must have happened before an operation begins, so that all happen while there is load: those that
    /// were due before the latest due one, and before the last operation all of them.
    fn failures_due_before(&self, number: usize) -> usize {
        let due = (1..=self.failures).filter(|i| self.due(*i) <= number).count();
        if number + 1 == self.operations { self.failures } else { due.saturating_sub(1) }
    }

    /// Runs to the end; `done` reports the completed operations, `failed` receives the number of failures so far.
    pub async fn run(
        &self,
        client: &Arc<Client>,
        done: watch::Sender<usize>,
        failed: watch::Receiver<usize>,
    ) -> Vec<Operation> {
        let next = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(done);
        let mut clients = Vec::new();
        for i in 0..self.clients {
            let (client, next, done, load) = (client.clone(), next.clone(), done.clone(), *self);
            let (mut rng, mut failed) = (Rng::new(self.seed, i as u64 + 1), failed.clone());
            clients.push(tokio::spawn(async move {
                let mut own = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= load.operations {
                        return own;
                    }
                    let failures_due_before = load.failures_due_before(number);
                    failed.wait_for(|failed| *failed >= failures_due_before).await.expect("what fails goes on");
                    own.push(client.persist(number, &mut rng).await);
                    done.send_modify(|done| *done += 1);
                }
            }));
        }
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.unwrap());
        }
        all
    }
}
