//! The two ceremonies of WebAuthn: adding a passkey, and signing in with one. What the server has to remember between the two
//! steps of each travels sealed through the browser, and is accepted once.

use entity::value::{FieldErrors, MemberId, Name, OrganizationId, PasskeyId, Text, Timestamp};
use entity::{member, passkey};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use webauthn_rs_proto::ResidentKeyRequirement;

use super::Passkey;
use crate::access::action::Action;
use crate::access::policy;
use crate::access::session::FreshSecret;
use crate::contract::error::Error;
use crate::contract::input::{Input, Required, Validate};
use crate::contract::outcome::Written;
use crate::contract::reason::Reason;
use crate::core::Core;
use crate::door::Cx;
use crate::door::visitor::Visitor;
use crate::door::write::Write;
use crate::nouns::session::{self, Browser, NewSession, SignInMethod, spend};

/// How long a ceremony may take, in milliseconds.
const TIME: i64 = 5 * 60 * 1000;
/// Passkeys that a member may have.
const MAX_PASSKEYS: u64 = 20;
/// What a sealed state is bound to.
const SIGN_IN: &str = "passkey sign-in";
/// One answer for every failure, so that nothing can be learned from it.
const BAD_PASSKEY: &str = "this passkey does not sign in; try again, or ask the operator for a link";

/// This server as passkeys know it: each is bound to its domain.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    origin: Url,
    domain: String,
}

impl RelyingParty {
    /// At this origin; none where passkeys do not work: at an address without a name, or without TLS on another machine.
    pub fn at(origin: &str) -> Option<RelyingParty> {
        let origin = Url::parse(origin).ok()?;
        let domain = origin.domain()?.to_owned();
        let is_local = domain == "localhost" || domain.ends_with(".localhost");
        (origin.scheme() == "https" || is_local).then_some(RelyingParty { origin, domain })
    }

    fn webauthn(&self) -> Result<Webauthn, Error> {
        let timeout = Duration::from_millis(TIME.unsigned_abs());
        let built = WebauthnBuilder::new(&self.domain, &self.origin)
            .and_then(|builder| builder.rp_name("Hoursmith").timeout(timeout).build());
        built.map_err(|cause| Error::bug(format!("passkeys cannot be used here: {cause:?}")))
    }
}

/// The first step of a ceremony.
#[derive(Clone, Debug, Serialize)]
pub struct Challenge {
    /// What the browser is to ask of the authenticator, as `PublicKeyCredential.parse…FromJSON` takes it.
    pub options: serde_json::Value,
    /// What is to come back with the answer, sealed.
    pub state: String,
}

#[derive(Serialize, Deserialize)]
struct Pending<S> {
    id: String,
    until: i64,
    state: S,
}

impl Challenge {
    fn new<S: Serialize>(
        core: &Core,
        purpose: &str,
        asked: &impl Serialize,
        state: S,
        now: Timestamp,
    ) -> Result<Challenge, Error> {
        let bug = |e: serde_json::Error| Error::bug(format!("a challenge does not serialize: {e}"));
        let pending = Pending { id: FreshSecret::new()?.text, until: now.plus_millis(TIME).millis(), state };
        let state = core.vault().seal_text(purpose, &serde_json::to_string(&pending).map_err(bug)?)?;
        let mut asked = serde_json::to_value(asked).map_err(bug)?;
        Ok(Challenge { options: asked["publicKey"].take(), state })
    }
}

/// The state of a ceremony that is not over and is for this purpose.
fn opened<S: DeserializeOwned>(core: &Core, purpose: &str, sealed: &str) -> Option<Pending<S>> {
    let text = core.vault().open_sealed(purpose, sealed).ok()?;
    let pending: Pending<S> = serde_json::from_str(&text).ok()?;
    (core.now().millis() < pending.until).then_some(pending)
}

/// What the state of adding a passkey is bound to: the member and the session.
fn adding(cx: &Cx) -> Result<String, Error> {
    let caller = cx.caller();
    let session = caller.session.ok_or_else(|| Error::bug("a passkey is added without a session"))?;
    Ok(format!("passkey of {} in session {}", caller.member_id, session.id))
}

/// Asks the browser for a new passkey. Changes nothing.
///
/// # Errors
/// `Forbidden` (no recent sign-in), `Conflict` (too many passkeys), or `Internal` (database).
#[crate::boxed]
pub async fn start_adding(cx: &Cx, relying_party: &RelyingParty) -> Result<Challenge, Error> {
    policy::ensure_allowed(cx.caller(), Action::AddPasskey)?;
    policy::ensure_recent(cx.caller(), Action::AddPasskey)?;
    let own = cx.read(Action::ListPasskeys)?;
    let own = own.all::<passkey::Entity>(|query| query.filter(passkey::Column::RemovedAt.is_null())).await?;
    let known = own.iter().map(|row| row.credential_id.clone()).collect();
    let (member, email, name) = (cx.caller().member_id.0, cx.caller().email(), cx.caller().name());
    let webauthn = relying_party.webauthn()?;
    let started = webauthn.start_passkey_registration(member, email, name, Some(known));
    let (mut asked, state) = started.map_err(|cause| Error::bug(format!("no challenge: {cause:?}")))?;
    // It is found by the browser, since nobody types an e-mail address to sign in.
    if let Some(selection) = &mut asked.public_key.authenticator_selection {
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
    }
    Challenge::new(cx.core(), &adding(cx)?, &asked, state, cx.now())
}

crate::input! {
    /// A new passkey of the caller's own.
    pub struct AddPasskeyInput {
        /// What the member calls it.
        pub name: Required<Name>,
        /// The sealed state of the first step.
        pub state: Required<Text<20_000>>,
        /// The answer of the browser, as JSON.
        pub credential: Required<Text<20_000>>,
    }
}

impl Validate for AddPasskeyInput {
    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

/// Adds a passkey.
///
/// # Errors
/// `Forbidden` (no recent sign-in), `Invalid` (input, or an answer that does not fit), `Conflict` (too many passkeys, or
/// the key), or `Internal` (database).
#[crate::boxed]
pub async fn add(cx: &Cx, relying_party: &RelyingParty, input: AddPasskeyInput) -> Result<Written<Passkey>, Error> {
    let (webauthn, purpose) = (relying_party.webauthn()?, adding(cx)?);
    cx.create(Action::AddPasskey, input, async |write, input| {
        let AddPasskeyInput { name, state, credential, not_taken: _ } = input;
        let bad = || Error::invalid("credential", "the browser's answer does not fit; begin again");
        let pending: Pending<PasskeyRegistration> =
            opened(write.core(), &purpose, state.value()?.as_str()).ok_or_else(bad)?;
        let sent: RegisterPublicKeyCredential =
            serde_json::from_str(credential.value()?.as_str()).map_err(|_| bad())?;
        let credential = webauthn.finish_passkey_registration(&sent, &pending.state).map_err(|_| bad())?;
        // Locked, so that nobody else adds one meanwhile.
        let member_id = write.lock_exclusive::<member::Entity>(write.caller()?.member_id).await?.id;
        if !spend(write, &pending.id, pending.until).await? || is_known(write, &credential).await? {
            return Err(bad());
        }
        let own = write.count::<passkey::Entity>(|query| {
            query.filter(passkey::Column::MemberId.eq(member_id)).filter(passkey::Column::RemovedAt.is_null())
        });
        if own.await? >= MAX_PASSKEYS {
            let message = format!("you have {MAX_PASSKEYS} passkeys; remove one first");
            return Err(Error::conflict(Reason::PasskeyCap, message));
        }
        let row = passkey::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            member_id,
            name: name.value()?.into(),
            credential_id: credential.cred_id().to_vec(),
            credential: stored(&credential)?,
            created_at: write.now,
            last_used_at: None,
            removed_at: None,
        };
        write.insert::<passkey::Entity>(row.clone()).await?;
        Ok(row.into())
    })
    .await
}

fn stored(credential: &Credential) -> Result<String, Error> {
    serde_json::to_string(credential).map_err(|e| Error::bug(format!("a passkey does not serialize: {e}")))
}

#[expect(clippy::disallowed_methods, reason = "the id of a credential is unique across workspaces")]
async fn is_known(write: &Write, credential: &Credential) -> Result<bool, Error> {
    let same = passkey::Entity::find().filter(passkey::Column::CredentialId.eq(credential.cred_id().to_vec()));
    Ok(same.one(write.connection()).await?.is_some())
}

/// Asks the browser for any passkey of this server. Changes nothing, and says nothing of who has one.
///
/// # Errors
/// `Internal`.
pub fn start_sign_in(visitor: &Visitor, relying_party: &RelyingParty) -> Result<Challenge, Error> {
    let started = relying_party.webauthn()?.start_discoverable_authentication();
    let (asked, state) = started.map_err(|cause| Error::bug(format!("no challenge: {cause:?}")))?;
    Challenge::new(visitor.core(), SIGN_IN, &asked, state, visitor.now())
}

#[derive(FromQueryResult)]
struct PasskeyRow {
    id: PasskeyId,
    organization_id: OrganizationId,
    member_id: MemberId,
    credential: String,
}

const LOOK_UP: &str = "\
    SELECT p.id, p.organization_id, p.member_id, p.credential \
    FROM passkey p JOIN member m ON m.organization_id = p.organization_id AND m.id = p.member_id \
    WHERE p.credential_id = $1 AND p.removed_at IS NULL AND m.deleted_at IS NULL";

/// Signs in with a passkey, and begins a session.
///
/// # Errors
/// `Unauthenticated` for any answer that does not sign in, or `RateLimited` for an address that guesses.
pub async fn sign_in(
    visitor: &Visitor,
    relying_party: &RelyingParty,
    state: &str,
    credential: &str,
    browser: &Browser,
) -> Result<NewSession, Error> {
    let webauthn = relying_party.webauthn()?;
    let refused = || visitor.refused(BAD_PASSKEY);
    let pending: Pending<DiscoverableAuthentication> = opened(visitor.core(), SIGN_IN, state).ok_or_else(refused)?;
    let sent: PublicKeyCredential = serde_json::from_str(credential).map_err(|_| refused())?;
    let (member, id) = webauthn.identify_discoverable_authentication(&sent).map_err(|_| refused())?;
    let reader = visitor.reader();
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), LOOK_UP, [id.to_vec().into()]);
    let found = PasskeyRow::find_by_statement(statement).one(&reader).await?;
    let found = found.filter(|found| found.member_id.0 == member).ok_or_else(refused)?;
    let broken = |e: serde_json::Error| Error::bug(format!("a stored passkey does not read back: {e}"));
    let mut known: Credential = serde_json::from_str(&found.credential).map_err(broken)?;
    let result = webauthn.finish_discoverable_authentication_v2(&sent, pending.state, &known).map_err(|_| refused())?;
    known.update_credential(&result);
    let credential = stored(&known)?;
    let begun = visitor.write(found.organization_id, async |write| {
        if !spend(write, &pending.id, pending.until).await? {
            return Ok(None);
        }
        let row = write.lock_exclusive::<passkey::Entity>(found.id).await?;
        let row = passkey::Model { credential, last_used_at: Some(write.now), ..row };
        write.store::<passkey::Entity>(row).await?;
        session::begin(write, visitor, found.member_id, SignInMethod::Passkey, browser).await.map(Some)
    });
    begun.await?.ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_domain() {
        for works in ["https://hours.example", "http://localhost:8080", "https://hours.example:8443"] {
            let party = RelyingParty::at(works).expect(works);
            assert!(party.webauthn().is_ok(), "{works}");
        }
        for fails in ["http://127.0.0.1:8080", "https://192.0.2.1", "http://hours.example", "nonsense"] {
            assert!(RelyingParty::at(fails).is_none(), "{fails}");
        }
    }
}
