//! The totals of projects and clients, gathered for all of a level.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Result};
use service::report::{OutstandingAmount, TimeReportTotal};
use service::value::{ClientId, ProjectId};
use service::{Action, Error};

use crate::engine::error::OrFail;
use crate::engine::loader::Loaders;
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::cx;
use crate::nouns::time_sums::time_sums;

/// All time on a project, and what it earns.
pub struct ProjectTotals(TimeReportTotal);

/// All time on the projects of a client, what it earns, and what the client has still to pay.
pub struct ClientTotals {
    client: ClientId,
    total: TimeReportTotal,
}

nodes! {
    ProjectTotals => 0: TimeReportTotal;
    ClientTotals => total: TimeReportTotal;
    OutstandingAmount => self: OutstandingAmount;
}

time_sums! {
    /// All time on a project, and what it earns. A Member's are those of their own time.
    ProjectTotals as "ProjectTotals": 0,
    /// What the time earns, one amount per currency; null for Members, who do not see money.
    amounts {}
}

time_sums! {
    /// All time on the projects of a client, what it earns, and what the client has still to pay.
    ClientTotals as "ClientTotals": total,
    /// What the time earns, one amount per currency.
    amounts {
        /// What is still to be paid on SENT invoices, one amount per currency.
        async fn outstanding(&self, ctx: &Context<'_>) -> Result<Outputs<OutstandingAmount>> {
            let loaders = ctx.data::<DataLoader<Loaders>>()?;
            let amounts = loaders.load_one(OutstandingOfClient(self.client)).await.or_fail(cx(ctx)?)?;
            Ok(Outputs(amounts.transpose().or_fail(cx(ctx)?)?.unwrap_or_default()))
        }
    }
}

/// The totals of a project.
pub(crate) async fn of_project(ctx: &Context<'_>, id: ProjectId) -> Result<Option<Output<ProjectTotals>>> {
    let cx = cx(ctx)?;
    let total = ctx.data::<DataLoader<Loaders>>()?.load_one(TotalsOfProject(id)).await.or_fail(cx)?;
    let total = total.transpose().or_fail(cx)?;
    Ok(Some(Output(ProjectTotals(total.unwrap_or_else(|| service::report::no_totals(cx))))))
}

/// The totals of a client.
pub(crate) async fn of_client(ctx: &Context<'_>, id: ClientId) -> Result<Option<Output<ClientTotals>>> {
    let cx = cx(ctx)?;
    if !cx.may(Action::ListClients) {
        return Ok(None);
    }
    let total = ctx.data::<DataLoader<Loaders>>()?.load_one(TotalsOfClient(id)).await.or_fail(cx)?;
    let total = total.transpose().or_fail(cx)?.unwrap_or_else(|| service::report::no_totals(cx));
    Ok(Some(Output(ClientTotals { client: id, total })))
}

/// Writes the loader of what is read for many ids by one statement. What is wrong with one of them is an error of its own.
macro_rules! totals_loader {
    ($key:ident($id:ty) => $value:ty, $read:path) => {
        /// The record whose totals are asked for.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        struct $key($id);

        impl Loader<$key> for Loaders {
            type Value = Result<$value, Arc<Error>>;
            type Error = Arc<Error>;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Arc<Error>> {
                let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
                let found = $read(&self.0, &ids).await?;
                Ok(found.into_iter().map(|(id, value)| ($key(id), value.map_err(Arc::new))).collect())
            }
        }
    };
}

totals_loader!(TotalsOfProject(ProjectId) => TimeReportTotal, service::report::totals_of_projects);
totals_loader!(TotalsOfClient(ClientId) => TimeReportTotal, service::report::totals_of_clients);
totals_loader!(OutstandingOfClient(ClientId) => Vec<OutstandingAmount>, service::report::outstanding_of_clients);
