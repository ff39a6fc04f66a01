//! The same buckets in Redis or Valkey, shared by all replicas: one script, one round trip, the server's own clock.
//! While it is away each replica counts for itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::value::Id;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, Script};
use tokio::time::Instant;

use super::{Charge, Level, MINUTE, Outcome, Sizes, TEN_SECONDS};

/// How long a request waits for Redis; then it is away.
const TIMEOUT: Duration = Duration::from_millis(100);
/// How long nobody asks again after that, but for one request in each such time.
const PAUSE: Duration = Duration::from_secs(1);

/// Buckets that all replicas share.
pub(super) struct Shared {
    client: Client,
    script: Script,
    link: Mutex<Link>,
}

enum Link {
    /// It answers.
    Up(MultiplexedConnection),
    /// It does not, or nobody has asked yet.
    Down {
        /// When one request may try.
        try_at: Instant,
        /// Whether the log knows.
        told: bool,
    },
}

/// What one step of the script gives back: admitted; of each bucket what is left, the microseconds until it is full, and
/// those until the same fits again.
type Answer = (u8, u32, u64, u64, u32, u64, u64);

/// Whether a setting is the URL of a Redis, as far as can be told without one.
pub(crate) fn check_url(url: &str) -> Result<(), &'static str> {
    Shared::new(url).map(drop)
}

impl Shared {
    /// Not connected yet.
    pub(super) fn new(url: &str) -> Result<Shared, &'static str> {
        // The library's own words may quote the URL, password included.
        let told =
            "HOURSMITH_REDIS_URL must be the URL of a Redis or Valkey, such as redis://127.0.0.1:6379/0 (without TLS)";
        let client = Client::open(url).map_err(|_| told)?;
        let script = Script::new(include_str!("shared.lua"));
        let link = Mutex::new(Link::Down { try_at: Instant::now(), told: false });
        Ok(Shared { client, script, link })
    }

    /// The outcome, or none while Redis is away.
    pub(super) async fn charge(&self, token: Id, sizes: Sizes, charge: Charge) -> Option<Outcome> {
        let connection = self.connection()?;
        let asked = async {
            let mut connection = match connection {
                Some(connection) => connection,
                None => self.client.get_multiplexed_async_connection().await?,
            };
            // In braces what places both keys on one node of a cluster.
            let answer: Answer = self
                .script
                .key(format!("hoursmith:limit:{{{token}}}:burst"))
                .key(format!("hoursmith:limit:{{{token}}}:sustained"))
                .arg(u8::from(charge.request))
                .arg(charge.points)
                .arg(charge.again())
                .arg(sizes.burst)
                .arg(TEN_SECONDS.as_micros() as u64)
                .arg(sizes.sustained)
                .arg(MINUTE.as_micros() as u64)
                .invoke_async(&mut connection)
                .await?;
            Ok::<_, RedisError>((connection, answer))
        };
        match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(Ok((connection, answer))) => {
                self.answered(connection);
                Some(outcome(answer))
            }
            Ok(Err(error)) => self.lost(&error.to_string()),
            Err(_) => self.lost("it did not answer in time"),
        }
    }

    /// Connects before the first request comes: those that came while another connects would count for themselves.
    pub(super) async fn connect(&self) {
        match tokio::time::timeout(TIMEOUT, self.client.get_multiplexed_async_connection()).await {
            Ok(Ok(connection)) => self.answered(connection),
            Ok(Err(error)) => drop(self.lost(&error.to_string())),
            Err(_) => drop(self.lost("it did not answer in time")),
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to ask over: a connection that works, or for one request in a while a new one; none in between.
    fn connection(&self) -> Option<Option<MultiplexedConnection>> {
        match &mut *self.link() {
            Link::Up(connection) => Some(Some(connection.clone())),
            Link::Down { try_at, .. } => {
                let now = Instant::now();
                let mine = *try_at <= now;
                *try_at = if mine { now + PAUSE } else { *try_at };
                mine.then_some(None)
            }
        }
    }

    fn answered(&self, connection: MultiplexedConnection) {
        let mut link = self.link();
        if let Link::Down { told, .. } = *link {
            *link = Link::Up(connection);
            drop(link);
            if told {
                tracing::info!("Redis is back: rate limits are shared again");
            }
        }
    }

    fn lost(&self, why: &str) -> Option<Outcome> {
        let mut link = self.link();
        let told = matches!(*link, Link::Down { told: true, .. });
        *link = Link::Down { try_at: Instant::now() + PAUSE, told: true };
        drop(link);
        if !told {
            tracing::warn!(why, "Redis is away: until it is back, rate limits are counted by each process for itself");
        }
        None
    }
}

fn outcome((admitted, left, full_in, wait, more_left, more_full_in, more_wait): Answer) -> Outcome {
    let level = |left, full_in, wait| Level {
        left,
        full_in: Duration::from_micros(full_in),
        wait: Duration::from_micros(wait),
    };
    Outcome {
        admitted: admitted == 1,
        burst: level(left, full_in, wait),
        sustained: level(more_left, more_full_in, more_wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_checked_without_a_server_and_not_quoted() {
        for good in ["redis://127.0.0.1/", "redis://:secret@cache.internal:6380/2"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in ["", "nonsense", "http://127.0.0.1", "redis://:secret@:x/"] {
            let told = check_url(bad).expect_err("it is refused");
            assert!(told.contains("HOURSMITH_REDIS_URL") && !told.contains("secret"), "{told}");
        }
    }
}
