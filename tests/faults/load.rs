//! Clients that do as they are told: a key for each thing to be done, the same key until it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::rng::Rng;
use crate::server::{Fleet, Ground};

/// One thing to be done, and what a client heard of it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub key: String,
    pub path: &'static str,
    pub body: Value,
    pub heard: Heard,
}

/// An answer: status, `Location`, `ETag`, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: u16,
    pub location: Option<String>,
    pub tag: Option<String>,
    pub bytes: Vec<u8>,
}

/// What came of one request.
enum Outcome {
    Done { heard: Heard, replayed: bool },
    Again,
}

/// What the clients met on their way.
#[derive(Debug, Default)]
pub struct Met {
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
    pub deeds: usize,
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
    met: Arc<Met>,
}

impl Client {
    pub async fn new(fleet: Arc<Fleet>, ground: &Ground) -> Client {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let mut client =
            Client { http, fleet, token: ground.token.clone(), project: String::new(), met: Arc::default() };
        let id = async |client: &Client, path, body| {
            let Outcome::Done { heard, .. } = client.post(path, &body, path, 0).await else { panic!("{path} failed") };
            let answer: Value = serde_json::from_slice(&heard.bytes).unwrap();
            answer["data"]["id"].as_str().unwrap().to_owned()
        };
        let of = id(&client, "/api/v1/clients", json!({ "name": "Ground" })).await;
        client.project = id(&client, "/api/v1/projects", json!({ "clientId": of, "name": "Ground" })).await;
        client
    }

    /// The deed of a number: a client, an entry, or a batch of entries, each named by its key.
    fn deed(&self, number: usize) -> (String, &'static str, Value) {
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
        self.met.requests.fetch_add(1, Ordering::Relaxed);
        let request = self.http.post(format!("{address}{path}")).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).header("content-type", "application/json");
        let answered = async {
            let response = request.body(body.to_string()).send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?.to_vec()))
        };
        let Ok((status, headers, bytes)) = answered.await else {
            self.met.cut.fetch_add(1, Ordering::Relaxed);
            return Outcome::Again;
        };
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        match status {
            200..=299 => {
                let heard = Heard { status, location: header("location"), tag: header("etag"), bytes };
                Outcome::Done { heard, replayed: header("idempotent-replayed").is_some() }
            }
            409 if String::from_utf8_lossy(&bytes).contains("idempotency_in_flight") => {
                assert!(header("retry-after").is_some(), "a wait is told");
                self.met.in_flight.fetch_add(1, Ordering::Relaxed);
                Outcome::Again
            }
            500 => {
                self.met.server_errors.fetch_add(1, Ordering::Relaxed);
                Outcome::Again
            }
            _ => panic!("{path} {key}: {status} {}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Once, without patience; for tests that want to see a refusal.
    pub async fn try_once(&self, number: usize) -> bool {
        let (key, path, body) = self.deed(number);
        self.post_once(path, &body, &key, 0).await.is_some()
    }

    /// Until it is done. Now and then the client does not hear the answer, hangs up too early, or sends twice at once.
    pub async fn persist(&self, number: usize, rng: &mut Rng) -> Deed {
        let (key, path, body) = self.deed(number);
        let mut first: Option<Heard> = None;
        let mut note = |heard: Heard, met: &Met| match &first {
            Some(first) if *first != heard => {
                met.differing.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {}
            None => first = Some(heard),
        };
        if rng.one_in(10) {
            let patience = Duration::from_micros(rng.below(4_000));
            match tokio::time::timeout(patience, self.post(path, &body, &key, rng.below(100))).await {
                Ok(Outcome::Done { heard, .. }) => note(heard, &self.met),
                Ok(Outcome::Again) => {}
                Err(_) => {
                    self.met.hung_up.fetch_add(1, Ordering::Relaxed);
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
            let mut heard_one = false;
            for outcome in outcomes {
                if let Outcome::Done { heard, .. } = outcome {
                    note(heard, &self.met);
                    heard_one = true;
                }
            }
            if heard_one {
                wanted -= 1;
            } else {
                sleep(Duration::from_millis(5 + rng.below(25))).await;
            }
        }
        Deed { key, path, body, heard: first.expect("it was done") }
    }

    /// What a key answers when all is over, and whether that is a replay.
    pub async fn replay(&self, deed: &Deed, choice: u64) -> Option<(Heard, bool)> {
        self.post_once(deed.path, &deed.body, &deed.key, choice).await
    }

    /// One POST, without patience: what it was answered, and whether that was a replay.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str, choice: u64) -> Option<(Heard, bool)> {
        match self.post(path, body, key, choice).await {
            Outcome::Done { heard, replayed } => Some((heard, replayed)),
            Outcome::Again => None,
        }
    }

    pub fn met(&self) -> &Met {
        &self.met
    }

    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }
}

impl Load {
    /// When failure `i` of 1 and up is due, in deeds done.
    pub fn due(&self, i: usize) -> usize {
        self.deeds * i / (self.failures + 1)
    }

    /// How many failures must have happened before a deed is begun, so that all happen while there is something to do:
    /// those that were due before the last one that is due by now, and before the last deed all.
    fn owed(&self, number: usize) -> usize {
        let due = (1..=self.failures).filter(|i| self.due(*i) <= number).count();
        if number + 1 == self.deeds { self.failures } else { due.saturating_sub(1) }
    }

    /// Runs to its end; `done` tells how far it has come, `failed` how often something has failed.
    pub async fn run(
        &self,
        client: &Arc<Client>,
        done: watch::Sender<usize>,
        failed: watch::Receiver<usize>,
    ) -> Vec<Deed> {
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
                    if number >= load.deeds {
                        return own;
                    }
                    let owed = load.owed(number);
                    failed.wait_for(|failed| *failed >= owed).await.expect("what fails goes on");
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
