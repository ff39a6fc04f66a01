//! From a token to a caller: member, role, plan as they are now. Nobody else can make a `Caller`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use entity::value::{Currency, Id, Plan, Role, Timestamp, TokenScope};
use sea_orm::{FromQueryResult, Statement};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::core::{Core, Environment};

/// Characters of a prefix.
pub(crate) const PREFIX: usize = 12;
/// Characters of a secret: 62^32 is over 190 bits.
const SECRET: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Last use is written at most this often a token, in milliseconds.
const USE_GRAIN: i64 = 60_000;

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
struct Found {
    token_id: Id,
    token_name: String,
    hash: Vec<u8>,
    scope: TokenScope,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    member_id: Id,
    user_id: Id,
    name: String,
    email: String,
    role: Role,
    removed_at: Option<Timestamp>,
    organization_id: Id,
    organization_name: String,
    plan: Plan,
    default_currency: Currency,
}

/// One statement for everything that a request needs to know about who asks.
const LOOK_UP: &str = "\
    SELECT t.id AS token_id, t.name AS token_name, t.hash, t.scope, t.expires_at, t.revoked_at, t.last_used_at, \
    m.id AS member_id, m.user_id, m.name, m.email, m.role, m.deleted_at AS removed_at, \
    o.id AS organization_id, o.name AS organization_name, o.plan, o.default_currency \
    FROM token t JOIN member m ON m.organization_id = t.organization_id AND m.id = t.member_id \
    JOIN organization o ON o.id = t.organization_id WHERE t.prefix = $1";

/// What the right header looks like, for those who sent another.
fn how_to(environment: Environment) -> String {
    format!("send the header `Authorization: Bearer hsk_{}_…` with a token of this server", environment.as_str())
}

/// The refusal of who sends no token to a server of this environment.
pub fn no_token(environment: Environment) -> Error {
    Error::Unauthenticated(format!("no token: {}", how_to(environment)).into())
}

/// The caller that an `Authorization` header stands for, as they are now.
///
/// # Errors
/// `Unauthenticated`; `Internal` if the database does not answer.
pub(crate) async fn authenticate(
    core: &Core,
    token_use: &TokenUse,
    authorization: Option<&str>,
) -> Result<Caller, Error> {
    let how = || how_to(core.environment);
    let Some(header) = authorization else {
        return Err(no_token(core.environment));
    };
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Error::Unauthenticated(format!("not a bearer token: {}", how()).into())),
    };
    let refused = || Error::Unauthenticated(format!("the token is not valid: {}", how()).into());
    let prefix = prefix_of(core.environment, token).ok_or_else(refused)?;

    let statement = {
        let backend = core.database().reader().get_database_backend();
        Statement::from_sql_and_values(backend, LOOK_UP, [prefix.into()])
    };
    let found = Found::find_by_statement(statement).one(core.database().reader()).await?;

    // An unknown prefix does the same work as a wrong secret.
    let sent = Sha256::digest(token);
    let stored = found.as_ref().map_or(&[0_u8; 32][..], |found| &found.hash);
    let genuine: bool = sent.ct_eq(stored).into();
    let now = core.now();
    match found {
        Some(found)
            if genuine
                && found.revoked_at.is_none()
                && found.removed_at.is_none()
                && found.expires_at.is_none_or(|at| now < at) =>
        {
            token_use.note(&found, now);
            Ok(found.into_caller())
        }
        _ => Err(refused()),
    }
}

/// The prefix of a token that is shaped as ours and of this environment.
fn prefix_of(environment: Environment, token: &str) -> Option<&str> {
    let rest = token.strip_prefix("hsk_")?.strip_prefix(environment.as_str())?.strip_prefix('_')?;
    let (prefix, secret) = rest.split_once('_')?;
    let base62 = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (base62(prefix, PREFIX) && base62(secret, SECRET)).then_some(prefix)
}

impl Found {
    fn into_caller(self) -> Caller {
        let Found { token_id, token_name, hash: _, scope, expires_at: _, revoked_at: _, last_used_at: _, .. } = self;
        let Found { member_id, user_id, name, email, role, removed_at: _, .. } = self;
        let Found { organization_id, organization_name, plan, default_currency, .. } = self;
        Caller {
            organization_id,
            organization_name,
            plan,
            default_currency,
            member_id,
            user_id,
            name,
            email,
            role,
            token_id,
            token_name,
            scope,
        }
    }
}

/// When tokens were last used, gathered in memory and written by a job: never one write a request.
#[derive(Default)]
pub(crate) struct TokenUse(Mutex<Uses>);

/// Workspace and token to the instant. In one order, so that replicas that write at once lock rows alike.
type Uses = BTreeMap<(Id, Id), Timestamp>;

impl TokenUse {
    fn note(&self, found: &Found, now: Timestamp) {
        if found.last_used_at.is_none_or(|last| last.plus_millis(USE_GRAIN) <= now) {
            self.lock().insert((found.organization_id, found.token_id), now);
        }
    }

    /// Everything that is not written yet.
    pub(crate) fn noted(&self) -> Uses {
        self.lock().clone()
    }

    /// Only what is committed is forgotten: a write that fails, or is cut short by a stop, is made again.
    pub(crate) fn forget(&self, written: &Uses) {
        self.lock().retain(|token, at| written.get(token) != Some(at));
    }

    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (uses, token) = (TokenUse::default(), (Id::NONE, Id::NONE));
        uses.lock().insert(token, Timestamp::from_millis(1));
        let lost = uses.noted();
        assert_eq!(uses.noted(), lost, "what was not written");
        uses.lock().insert(token, Timestamp::from_millis(2));
        uses.forget(&lost);
        assert_eq!(uses.noted().len(), 1, "used again while it was written");
        uses.forget(&uses.noted());
        assert!(uses.noted().is_empty());
    }
}
