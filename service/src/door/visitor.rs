//! The way in: what somebody who is not signed in yet does to become a caller, and the admission of a session.

use std::net::IpAddr;
use std::sync::Arc;

use entity::value::{OrganizationId, Timestamp};
use tokio::time::Instant;

use crate::access::session;
use crate::contract::error::{Error, Feature};
use crate::core::Core;
use crate::core::database::{Class, Reader};
use crate::door::Door;
use crate::door::admission::{Admission, Standing};
use crate::door::write::Write;

/// Somebody at an address who is not signed in yet. Bad credentials are counted against the address.
#[derive(Clone)]
pub struct Visitor {
    door: Arc<Door>,
    address: IpAddr,
    until: Instant,
}

impl Visitor {
    pub(crate) fn new(door: Arc<Door>, address: IpAddr) -> Visitor {
        let until = door.core.database().deadline();
        Visitor { door, address, until }
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        self.core().now()
    }

    /// Seals a text that a browser is to bring back, bound to its purpose.
    ///
    /// # Errors
    /// `Internal` where the server has no secret key.
    pub(crate) fn seal(&self, purpose: &str, text: &str) -> Result<String, Error> {
        self.core().vault().seal_text(purpose, text)
    }

    /// The text that was sealed for this purpose; none for anything else.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        self.core().vault().open_sealed(purpose, sealed).ok()
    }

    /// The address that they come from.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn core(&self) -> &Core {
        &self.door.core
    }

    pub(crate) fn reader(&self) -> Reader {
        self.core().database().reader_for(Class::Authentication, Some(self.until))
    }

    /// The refusal of a bad credential, or of another one from an address that has sent too many.
    pub(crate) fn refused(&self, message: &'static str) -> Error {
        self.door.charge_refused(Error::Unauthenticated(message.into()), self.address)
    }

    /// Refuses an address that has sent too many bad credentials, before what it asks for costs anything.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn ensure_not_guessing(&self) -> Result<(), Error> {
        self.door.limits.ensure_not_guessing(self.address)
    }

    /// Runs a body in a transaction inside the workspace that a credential has led to.
    pub(crate) async fn write<R>(
        &self,
        organization: OrganizationId,
        body: impl AsyncFnOnce(&Write) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.door.write_in(organization, body).await
    }

    /// Lets a request in by the secret of a session, and charges the budget that all sessions of the member share. The session
    /// lasts longer by it if `is_use` says that a person made the request, and not a page that refreshes itself.
    ///
    /// # Errors
    /// `Unauthenticated`, or `RateLimited` in its place for an address that guesses.
    pub async fn admit(&self, secret: &str, is_use: bool) -> Result<Admission, Error> {
        let core = self.core();
        let Some(live) = session::find(core, secret, self.until).await? else {
            return Err(self.refused("you are not signed in any more"));
        };
        // How long it lasts is no reason to refuse a request.
        if is_use
            && live.is_due(core.now())
            && let Err(cause) = live.touch(core).await
        {
            tracing::debug!(?cause, "the use of a session could not be written");
        }
        let standing = Standing { known: Arc::new(live.known), confirmed: true, until: self.until };
        self.door.let_in(Feature::ApiAccess, standing).await
    }
}
