//! The operator's side door: what the command line does to workspaces, in transactions of the same kind.

use std::sync::Arc;

use entity::value::{Id, OrganizationId};

use crate::contract::error::Error;
use crate::core::database::Reader;
use crate::door::Door;
use crate::door::write::Write;

/// The person who runs the server. Not bound to a workspace or a role; never reachable with a token.
#[derive(Clone)]
pub struct Operator {
    door: Arc<Door>,
}

impl Operator {
    pub(crate) fn new(door: Arc<Door>) -> Operator {
        Operator { door }
    }

    /// Runs a body in a transaction inside one workspace.
    pub(crate) async fn write<R>(
        &self,
        organization: OrganizationId,
        body: impl AsyncFnOnce(&Write) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.door.write_in(organization, body).await
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.door.core.database().reader()
    }

    pub(crate) fn new_id<T>(&self) -> Id<T> {
        self.door.core.new_id()
    }
}
