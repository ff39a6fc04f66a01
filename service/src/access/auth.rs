//! From a token to a caller: member, role, plan as they are now. Nobody else can make a `Caller`.
//!
//! What is known of a caller stays in memory, with the access epoch of the workspace at which it was read. The statement that
//! reads what is asked for returns the epoch too; if it has grown, the caller is read anew. So a change counts from the next
//! request, on every replica.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::value::{OrganizationId, Timestamp, TokenId, TokenScope};
use moka::sync::Cache;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::access::caller::Caller;
use crate::access::who::{Pass, Who, who_columns};
use crate::contract::error::Error;
use crate::core::database::Class;
use crate::core::{Core, Environment};

/// Characters of a prefix.
pub(crate) const PREFIX: usize = 12;
/// Characters of a secret: 62^32 is over 190 bits.
const SECRET: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Last use is written at most this often a token, in milliseconds.
const USE_GRAIN: i64 = 60_000;
/// Callers that are remembered, at most: about 600 bytes for each token in use, 75 MB for all of them. A token that is forgotten
/// costs a look-up with each request, nearly as much as a read of one record.
const KNOWN: u64 = 120_000;

/// A new token: shown once, of which only prefix and hash are stored.
pub(crate) struct FreshToken {
    pub(crate) text: String,
    pub(crate) prefix: String,
    pub(crate) hash: Vec<u8>,
}

impl FreshToken {
    /// From the system's random source.
    pub(crate) fn new(environment: Environment) -> Result<FreshToken, Error> {
        let (prefix, secret) = (random_base62(PREFIX)?, random_base62(SECRET)?);
        let text = format!("hsk_{}_{prefix}_{secret}", environment.as_str());
        let hash = Sha256::digest(&text).to_vec();
        Ok(FreshToken { text, prefix, hash })
    }
}

fn random_base62(length: usize) -> Result<String, Error> {
    use rand::TryRngCore;
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| Error::bug(format!("no randomness: {e}")))?;
        // 248 is the greatest multiple of 62 in a byte: what is above would favour the first letters.
        let fair = bytes.iter().filter(|b| **b < 248).map(|b| char::from(BASE62[usize::from(*b % 62)]));
        text.extend(fair.take(length - text.len()));
    }
    Ok(text)
}

/// One row of the look-up: a token with its member and workspace.
#[derive(FromQueryResult)]
struct TokenRow {
    token_id: TokenId,
    token_name: String,
    hash: Vec<u8>,
    scope: TokenScope,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    #[sea_orm(nested)]
    who: Who,
}

/// One statement for everything that a request needs to know about who asks.
const LOOK_UP: &str = concat!(
    "SELECT t.id AS token_id, t.name AS token_name, t.hash, t.scope, t.expires_at, t.revoked_at, t.last_used_at, ",
    "m.deleted_at AS removed_at, ",
    who_columns!(),
    " FROM token t JOIN member m ON m.organization_id = t.organization_id AND m.id = t.member_id \
     JOIN organization o ON o.id = t.organization_id \
     LEFT JOIN access_epoch a ON a.organization_id = t.organization_id WHERE t.prefix = $1"
);

/// What the right header looks like, for those who sent another.
fn how_to(environment: Environment) -> String {
    format!("send the header `Authorization: Bearer hsk_{}_…` with a token of this server", environment.as_str())
}

/// The refusal of who sends no token to a server of this environment.
pub fn no_token(environment: Environment) -> Error {
    Error::Unauthenticated(format!("no token: {}", how_to(environment)).into())
}

/// A caller as they were at an access epoch of their workspace: as they are, for as long as the epoch stays.
pub(crate) struct KnownCaller {
    pub(crate) caller: Caller,
    pub(crate) epoch: i64,
    prefix: String,
    hash: Vec<u8>,
    expires_at: Option<Timestamp>,
    /// When the use of the token was last noted, in milliseconds.
    noted_at: AtomicI64,
}

/// The callers that this process knows, by the prefixes of their tokens; and when tokens were last used.
pub(crate) struct Callers {
    known: Cache<String, Arc<KnownCaller>>,
    pub(crate) token_use: TokenUse,
}

impl Default for Callers {
    fn default() -> Callers {
        Callers { known: Cache::new(KNOWN), token_use: TokenUse::default() }
    }
}

impl Callers {
    /// The caller that an `Authorization` header stands for, from memory if it is there. What comes from memory is to be
    /// confirmed: true says that it has just been read.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unavailable` if the database does not answer by `until`.
    pub(crate) async fn find(
        &self,
        core: &Core,
        authorization: Option<&str>,
        until: Instant,
    ) -> Result<(Arc<KnownCaller>, bool), Error> {
        let how = || how_to(core.environment);
        let Some(header) = authorization else {
            return Err(no_token(core.environment));
        };
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(Error::Unauthenticated(format!("not a bearer token: {}", how()).into())),
        };
        // A placeholder has no prefix: only what is refused anyway is looked at once more.
        let prefix = prefix_of(core.environment, token).ok_or_else(|| match is_placeholder(token) {
            true => Error::Unauthenticated(PLACEHOLDER.into()),
            false => refused(core),
        })?;
        let sent = Sha256::digest(token);
        let known = self.known.get(prefix).filter(|known| known.hash.ct_eq(&sent).into());
        if let Some(known) = known.filter(|known| known.expires_at.is_none_or(|at| core.now() < at)) {
            self.note_use(core, &known);
            return Ok((known, false));
        }
        Ok((self.read(core, prefix, &sent, until).await?, true))
    }

    /// Reads the caller again, as they are now.
    ///
    /// # Errors
    /// As `find`.
    pub(crate) async fn renew(
        &self,
        core: &Core,
        known: &KnownCaller,
        until: Instant,
    ) -> Result<Arc<KnownCaller>, Error> {
        self.read(core, &known.prefix, &known.hash, until).await
    }

    async fn read(&self, core: &Core, prefix: &str, sent: &[u8], until: Instant) -> Result<Arc<KnownCaller>, Error> {
        let reader = core.database().reader_for(Class::Authentication, Some(until));
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), LOOK_UP, [prefix.into()]);
        let found = TokenRow::find_by_statement(statement).one(&reader).await;
        let found = found.map_err(|cause| Error::from(cause).of_look_up())?;
        // An unknown prefix does the same work as a wrong secret.
        let stored = found.as_ref().map_or(&[0_u8; 32][..], |found| &found.hash);
        let genuine: bool = sent.ct_eq(stored).into();
        let now = core.now();
        let lives = |found: &TokenRow| {
            found.revoked_at.is_none() && found.removed_at.is_none() && found.expires_at.is_none_or(|at| now < at)
        };
        match found {
            Some(found) if genuine && lives(&found) => {
                let known = Arc::new(found.into_known(prefix));
                self.note_use(core, &known);
                self.known.insert(prefix.to_owned(), known.clone());
                Ok(known)
            }
            _ => {
                self.known.invalidate(prefix);
                Err(refused(core))
            }
        }
    }

    fn note_use(&self, core: &Core, known: &KnownCaller) {
        let now = core.now();
        let noted_at = known.noted_at.load(Ordering::Relaxed);
        if noted_at.saturating_add(USE_GRAIN) <= now.millis() {
            known.noted_at.store(now.millis(), Ordering::Relaxed);
            self.token_use.note((known.caller.organization_id, known.caller.token_id), now);
        }
    }
}

fn refused(core: &Core) -> Error {
    Error::Unauthenticated(format!("the token is not valid: {}", how_to(core.environment)).into())
}

/// What is answered to a sample that was sent as it is shown.
const PLACEHOLDER: &str = "this is the placeholder of the documentation: put your own token in its place, which is made at \
     /settings/api or by the operator of this server";

/// Whether this stands for a token in a sample: with dots for what is left out, `YOUR_SECRET_TOKEN`, or a variable that
/// was not filled in.
fn is_placeholder(token: &str) -> bool {
    token.contains('…') || token.contains("...") || token.starts_with("YOUR_") || token.starts_with(['$', '<', '{'])
}

/// The prefix of a token that is shaped as ours and of this environment.
fn prefix_of(environment: Environment, token: &str) -> Option<&str> {
    let rest = token.strip_prefix("hsk_")?.strip_prefix(environment.as_str())?.strip_prefix('_')?;
    let (prefix, secret) = rest.split_once('_')?;
    let base62 = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (base62(prefix, PREFIX) && base62(secret, SECRET)).then_some(prefix)
}

impl KnownCaller {
    /// The caller of a session, who is read anew at every request and is remembered by nobody.
    pub(crate) fn of_session(caller: Caller, epoch: Option<i64>) -> KnownCaller {
        let (prefix, hash, noted_at) = (String::new(), Vec::new(), AtomicI64::new(i64::MAX));
        KnownCaller { caller, epoch: epoch.unwrap_or(-1), prefix, hash, expires_at: None, noted_at }
    }
}

impl TokenRow {
    fn into_known(self, prefix: &str) -> KnownCaller {
        let TokenRow { token_id, token_name, hash, scope, expires_at, last_used_at, who, revoked_at: _, removed_at: _ } =
            self;
        let epoch = who.epoch;
        let caller = who.with(Pass::Token(token_id, token_name, scope));
        let noted_at = AtomicI64::new(last_used_at.map_or(i64::MIN, Timestamp::millis));
        // A workspace without an epoch is never known.
        KnownCaller { caller, epoch: epoch.unwrap_or(-1), prefix: prefix.to_owned(), hash, expires_at, noted_at }
    }
}

/// When tokens were last used, gathered in memory and written by a job: never one write a request.
#[derive(Default)]
pub(crate) struct TokenUse(Mutex<Uses>);

/// Workspace and token to the instant. In one order, so that replicas that write at once lock rows alike.
type Uses = BTreeMap<(OrganizationId, TokenId), Timestamp>;

impl TokenUse {
    fn note(&self, token: (OrganizationId, TokenId), now: Timestamp) {
        self.lock().insert(token, now);
    }

    /// Everything that is not written yet.
    pub(crate) fn noted(&self) -> Uses {
        self.lock().clone()
    }

    /// Only what is committed is forgotten: a write that fails, or is cut short by a stop, is made again.
    pub(crate) fn forget(&self, written: &[((OrganizationId, TokenId), Timestamp)]) {
        let mut uses = self.lock();
        for (token, at) in written {
            if uses.get(token) == Some(at) {
                uses.remove(token);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_known_and_never_a_token() {
        for token in ["hsk_live_…", "hsk_live_...", "YOUR_SECRET_TOKEN", "$HOURSMITH_API_TOKEN", "<token>", "{token}"]
        {
            assert!(is_placeholder(token), "{token}");
            assert_eq!(prefix_of(Environment::Live, token), None, "{token}");
        }
        assert!(!is_placeholder("hsk_live_x"));
    }

    #[test]
    fn tokens_have_their_shape_and_differ() {
        let tokens: std::collections::HashSet<_> =
            (0..100).map(|_| FreshToken::new(Environment::Test).expect("randomness").text).collect();
        assert_eq!(tokens.len(), 100);
        for token in tokens {
            let parts: Vec<_> = token.split('_').collect();
            assert_eq!((parts[0], parts[1], parts[2].len(), parts[3].len()), ("hsk", "test", 12, 32));
        }
    }

    #[test]
    fn a_use_is_forgotten_when_it_is_written() {
        let (uses, token) = (TokenUse::default(), (OrganizationId::NONE, TokenId::NONE));
        uses.lock().insert(token, Timestamp::from_millis(1));
        let noted = || uses.noted().into_iter().collect::<Vec<_>>();
        let lost = noted();
        assert_eq!(noted(), lost, "what was not written");
        uses.lock().insert(token, Timestamp::from_millis(2));
        uses.forget(&lost);
        assert_eq!(uses.noted().len(), 1, "used again while it was written");
        uses.forget(&noted());
        assert!(uses.noted().is_empty());
    }
}
