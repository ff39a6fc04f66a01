//! The buckets of all replicas, in Redis or Valkey: one script, one round trip, by the clock of the Redis server. While
//! Redis does not answer, each replica uses its own buckets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::value::TokenId;
use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, ErrorKind, RedisError, Script, TlsCertificates};
use tokio::time::Instant;

use super::{Charge, ChargeResult, Level, MINUTE, Sizes, TEN_SECONDS};

/// How long a request waits for Redis before it counts as away.
const TIMEOUT: Duration = Duration::from_millis(100);
/// How long a request waits while it connects over TLS, which takes several round trips.
const TLS_TIMEOUT: Duration = Duration::from_millis(500);
/// While Redis is away, one request per this time tries to reach it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets that all replicas share.
pub(super) struct Shared {
    client: Client,
    connect_timeout: Duration,
    script: Script,
    link: Mutex<Link>,
}

enum Link {
    /// Redis answers.
    Up(MultiplexedConnection),
    /// Redis does not answer, or was not asked yet.
    Down {
        /// When the next request may try to connect.
        try_at: Instant,
        /// Whether the loss was logged.
        logged: bool,
    },
}

/// The reply of the script: whether the charge was admitted; then for each bucket the units left, the microseconds until it
/// is full, and the microseconds until it has room for a retry.
type Answer = (u8, u32, u64, u64, u32, u64, u64);

/// Checks that a setting is the URL of a Redis, and the other a list of certificates, without connecting.
pub(crate) fn check_url(url: &str, authorities: Option<&[u8]>) -> Result<(), &'static str> {
    Shared::new(url, authorities).map(drop)
}

/// Connects to a Redis and asks it to answer.
///
/// # Errors
/// What it should be, or why it does not answer.
pub(crate) async fn ping(url: &str, authorities: Option<&[u8]>) -> Result<(), String> {
    let shared = Shared::new(url, authorities)?;
    let asked = async {
        let mut connection = shared.client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await
    };
    asked.await.map_err(|error: RedisError| match error.kind() {
        ErrorKind::AuthenticationFailed => "it refuses the password of HOURSMITH_REDIS_URL".to_owned(),
        _ => format!("it does not answer: {error}"),
    })
}

impl Shared {
    /// The buckets at this URL, without a connection yet. Over TLS (`rediss`) the server's certificate must be signed by
    /// one of these authorities (PEM), or by a public one if none are given.
    pub(super) fn new(url: &str, authorities: Option<&[u8]>) -> Result<Shared, &'static str> {
        // The library's message may quote the URL with its password.
        let message = "HOURSMITH_REDIS_URL must be the URL of a Redis or Valkey, such as redis://127.0.0.1:6379/0, or \
                       rediss://cache.example:6380/0 over TLS";
        let client = Client::open(url).map_err(|_| message)?;
        let secure = matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
        let client = match authorities {
            Some(pem) if secure => {
                let message = "HOURSMITH_REDIS_CA must name a PEM file of certificates";
                // The library takes a file without any certificate for an empty list.
                if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
                    return Err(message);
                }
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) };
                Client::build_with_tls(url, certificates).map_err(|_| message)?
            }
            _ => client,
        };
        let connect_timeout = if secure { TLS_TIMEOUT } else { TIMEOUT };
        let script = Script::new(include_str!("shared.lua"));
        let link = Mutex::new(Link::Down { try_at: Instant::now(), logged: false });
        Ok(Shared { client, connect_timeout, script, link })
    }

    /// Charges the shared buckets; none while Redis is away.
    pub(super) async fn charge(&self, token: TokenId, sizes: Sizes, charge: Charge) -> Option<ChargeResult> {
        let connection = self.connection()?;
        let timeout = if connection.is_some() { TIMEOUT } else { self.connect_timeout };
        let asked = async {
            let mut connection = match connection {
                Some(connection) => connection,
                None => self.client.get_multiplexed_async_connection().await?,
            };
            // The braces put both keys on one node of a cluster.
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
        match tokio::time::timeout(timeout, asked).await {
            Ok(Ok((connection, answer))) => {
                self.answered(connection);
                Some(result(answer))
            }
            Ok(Err(error)) => self.lost(&error.to_string()),
            Err(_) => self.lost("it did not answer in time"),
        }
    }

    /// Connects before the first request: requests during a connection attempt use the buckets in memory.
    pub(super) async fn connect(&self) {
        match tokio::time::timeout(self.connect_timeout, self.client.get_multiplexed_async_connection()).await {
            Ok(Ok(connection)) => self.answered(connection),
            Ok(Err(error)) => drop(self.lost(&error.to_string())),
            Err(_) => drop(self.lost("it did not answer in time")),
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to use: the present one, or `Some(None)` if this request is to connect; none while Redis is away.
    fn connection(&self) -> Option<Option<MultiplexedConnection>> {
        match &mut *self.link() {
            Link::Up(connection) => Some(Some(connection.clone())),
            Link::Down { try_at, .. } => {
                let now = Instant::now();
                let mine = *try_at <= now;
                *try_at = if mine { now + RETRY_INTERVAL } else { *try_at };
                mine.then_some(None)
            }
        }
    }

    fn answered(&self, connection: MultiplexedConnection) {
        let mut link = self.link();
        if let Link::Down { logged, .. } = *link {
            *link = Link::Up(connection);
            drop(link);
            if logged {
                tracing::info!("Redis answers again: rate limits are shared");
            }
        }
    }

    fn lost(&self, why: &str) -> Option<ChargeResult> {
        let mut link = self.link();
        let logged = matches!(*link, Link::Down { logged: true, .. });
        *link = Link::Down { try_at: Instant::now() + RETRY_INTERVAL, logged: true };
        drop(link);
        if !logged {
            tracing::warn!(why, "Redis does not answer: until it does, each process counts rate limits by itself");
        }
        None
    }
}

fn result((admitted, left, full_in, wait, more_left, more_full_in, more_wait): Answer) -> ChargeResult {
    let level = |left, full_in, wait| Level {
        left,
        full_in: Duration::from_micros(full_in),
        wait: Duration::from_micros(wait),
    };
    ChargeResult {
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
        for good in ["redis://127.0.0.1/", "redis://:secret@cache.internal:6380/2", "rediss://:secret@cache.internal/"]
        {
            assert_eq!(check_url(good, None), Ok(()), "{good}");
        }
        for bad in ["", "nonsense", "http://127.0.0.1", "redis://:secret@:x/"] {
            let message = check_url(bad, None).expect_err("it is refused");
            assert!(message.contains("HOURSMITH_REDIS_URL") && !message.contains("secret"), "{message}");
        }
        let message = check_url("rediss://cache.internal/", Some(b"no certificate")).expect_err("it is refused");
        assert!(message.contains("HOURSMITH_REDIS_CA"), "{message}");
    }
}
