//! The operator's side door: what the command line does to workspaces, in transactions of the same kind.

use entity::value::Id;
use sea_orm::DatabaseConnection;

use crate::app::App;
use crate::contract::error::Error;
use crate::door::write::Write;

/// Whoever runs the server. Not bound to a workspace or a role; never reachable with a token.
#[derive(Clone)]
pub struct Operator {
    app: App,
}

impl Operator {
    /// The operator of this application.
    pub fn of(app: &App) -> Operator {
        Operator { app: app.clone() }
    }

    /// Runs a body in a transaction inside one workspace.
    pub(crate) async fn write<R>(
        &self,
        organization: Id,
        body: impl AsyncFnOnce(&Write) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let tx = self.app.database().begin().await?;
        let write = Write::new(tx, self.app.clone(), organization, None);
        let output = body(&write).await?;
        write.commit().await?;
        Ok(output)
    }

    pub(crate) fn reader(&self) -> &DatabaseConnection {
        self.app.database().reader()
    }

    pub(crate) fn new_id(&self) -> Id {
        self.app.new_id()
    }
}
