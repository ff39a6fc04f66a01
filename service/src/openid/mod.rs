//! Sign-in at the operator's OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636). A verified
//! e-mail address that is a member's signs in; nobody becomes a member by it. What has to be remembered while somebody is at
//! the provider travels sealed through their browser.

mod http;
mod provider;
mod token;

use entity::value::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::provider::Provider;
use self::provider::{AnswerRefusal, AuthorizationRequest};
use crate::contract::error::Error;
use crate::door::visitor::Visitor;
use crate::nouns::session::{Browser, Membership, NewSession, begin_verified, memberships};

/// How long signing in at the provider may take, in milliseconds.
const TIME: i64 = 10 * 60 * 1000;
/// The longest way back that is remembered, in bytes.
const LONGEST_NEXT: usize = 1000;
/// What the sealed texts are bound to.
const ATTEMPT: &str = "sign-in at the OpenID provider";
const PROOF: &str = "address verified by the OpenID provider";
/// One answer for whatever does not fit, so that nothing can be learned from it.
const REFUSED: &str = "this answer of the identity provider does not sign in; begin again";
const UNVERIFIED: &str = "the identity provider does not say that your e-mail address is verified";
const NOBODY: &str = "nobody with your e-mail address is a member here; ask an Owner or Admin to add you";

/// The beginning of a sign-in.
pub struct Started {
    /// The page of the provider, where the browser is to go.
    pub url: String,
    /// What the browser is to bring back in a cookie, sealed. It works for ten minutes.
    pub attempt: String,
}

/// What a browser brings back.
pub enum Returned<'a> {
    /// From the provider.
    Code {
        /// The code.
        code: &'a str,
        /// The state that the code was sent with.
        state: &'a str,
    },
    /// From the choice among workspaces.
    Choice {
        /// The proof that the choice was offered with.
        proof: &'a str,
        /// The id of the workspace.
        workspace: &'a str,
    },
}

/// What comes of it.
pub enum Finished {
    /// A session has begun.
    SignedIn {
        /// The session.
        session: NewSession,
        /// Where the person wanted to go.
        next: String,
    },
    /// The person is a member of several workspaces.
    Choose {
        /// What is to come back with the choice, sealed.
        proof: String,
        /// The workspaces.
        memberships: Vec<Membership>,
    },
}

#[derive(Serialize, Deserialize)]
struct SignInAttempt {
    asked: AuthorizationRequest,
    next: String,
    until: i64,
}

/// A verified address. It belongs to the attempt with this state, and counts once.
#[derive(Serialize, Deserialize)]
struct Proof {
    state: String,
    email: String,
}

/// Begins a sign-in. Changes nothing here.
///
/// # Errors
/// `RateLimited` for an address that guesses; `Unavailable` if the provider cannot be asked, which is logged for the operator.
pub async fn start(provider: &Provider, visitor: &Visitor, next: &str) -> Result<Started, Error> {
    visitor.ensure_not_guessing()?;
    let (url, asked) = provider.begin(visitor).await?;
    let next = if next.len() > LONGEST_NEXT { "" } else { next }.to_owned();
    let attempt = SignInAttempt { asked, next, until: visitor.now().plus_millis(TIME).millis() };
    Ok(Started { url, attempt: sealed(visitor, ATTEMPT, &attempt)? })
}

/// Ends a sign-in, in the browser that has begun it: `attempt` is from its cookie.
///
/// # Errors
/// `Unauthenticated` for whatever does not sign in, or `RateLimited` for an address that guesses; `Unavailable` if the
/// provider cannot be asked.
pub async fn finish(
    provider: &Provider,
    visitor: &Visitor,
    attempt: Option<&str>,
    returned: Returned<'_>,
    browser: &Browser,
) -> Result<Finished, Error> {
    visitor.ensure_not_guessing()?;
    let refused = || visitor.refused(REFUSED);
    let now = visitor.now().millis();
    let attempt = attempt.and_then(|sent| opened::<SignInAttempt>(visitor, ATTEMPT, sent));
    let attempt = attempt.filter(|attempt| now < attempt.until).ok_or_else(refused)?;
    let (email, workspace) = match returned {
        Returned::Code { code, state } => {
            if state != attempt.asked.state || code.is_empty() {
                return Err(refused());
            }
            (vouched(provider, visitor, code, &attempt.asked).await?, "")
        }
        Returned::Choice { proof, workspace } => {
            let proof = opened::<Proof>(visitor, PROOF, proof);
            let proof = proof.filter(|proof| proof.state == attempt.asked.state && !workspace.is_empty());
            (proof.ok_or_else(refused)?.email, workspace)
        }
    };
    let mut memberships = memberships(visitor, &email).await?;
    memberships.retain(|membership| workspace.is_empty() || membership.organization_id.to_string() == workspace);
    let SignInAttempt { asked, next, until } = attempt;
    match &memberships[..] {
        [] => Err(visitor.refused(NOBODY)),
        [one] => {
            let begun = begin_verified(visitor, one, &asked.state, Timestamp::from_millis(until), browser).await?;
            Ok(Finished::SignedIn { session: begun.ok_or_else(refused)?, next })
        }
        _ => {
            let proof = sealed(visitor, PROOF, &Proof { state: asked.state, email })?;
            Ok(Finished::Choose { proof, memberships })
        }
    }
}

/// The address that the provider vouches for.
async fn vouched(
    provider: &Provider,
    visitor: &Visitor,
    code: &str,
    asked: &AuthorizationRequest,
) -> Result<String, Error> {
    match Box::pin(provider.redeem(visitor, code, asked)).await? {
        Ok(email) => Ok(email),
        Err(AnswerRefusal::Unverified) => Err(visitor.refused(UNVERIFIED)),
        Err(AnswerRefusal::DoesNotFit) => Err(visitor.refused(REFUSED)),
    }
}

fn sealed<T: Serialize>(visitor: &Visitor, purpose: &str, what: &T) -> Result<String, Error> {
    let text = serde_json::to_string(what).map_err(|e| Error::bug(format!("a state does not serialize: {e}")))?;
    visitor.seal(purpose, &text)
}

fn opened<T: DeserializeOwned>(visitor: &Visitor, purpose: &str, sealed: &str) -> Option<T> {
    serde_json::from_str(&visitor.open(purpose, sealed)?).ok()
}
