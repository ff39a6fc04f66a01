//! Clients: who work is done for.

mod input;
mod list;

use entity::value::{
    ClientId, Currency, EventType, Id, InvoiceStatus, Money, OrganizationId, Percent, ProjectStatus, Timestamp,
};
use entity::{client, invoice, project};
use sea_orm::{ColumnTrait, QueryFilter};

pub use input::{CreateClientInput, UpdateClientInput};
pub use list::{ClientArgs, ClientFilter, ClientSort, list};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::outbox;

crate::contract::record::record! {
    /// A client: a person or company that work is done for. Only Owners, Admins and Managers see clients.
    #[graphql(name = "ClientFields")]
    pub struct Client from client without name_key search_key {
        /// Identifier of the client (UUID v7).
        pub id: ClientId,
        /// Identifier of the workspace that the client belongs to.
        pub org_id: OrganizationId,
        /// Identifier of the client in another system, unique among live clients; null if none was given.
        #[oai(nullable)]
        pub external_id: Option<String>,
        /// Name of the client, shown in lists and printed on invoices.
        pub name: String,
        /// Name of the person to contact; null if none was given.
        #[oai(nullable)]
        pub contact_name: Option<String>,
        /// Email address of the contact person. Not validated; null if none was given.
        #[oai(nullable)]
        pub email: Option<String>,
        /// Phone number of the contact person, as entered; null if none was given.
        #[oai(nullable)]
        pub phone: Option<String>,
        /// Website URL of the client. Not validated; null if none was given.
        #[oai(nullable)]
        pub website: Option<String>,
        /// Currency of all rates, expenses and invoices of the client (ISO 4217 code).
        pub currency: Currency,
        /// Internal notes about the client; null if there are none.
        #[oai(nullable)]
        pub notes: Option<String>,
        /// Full billing address as one text, for addresses that do not fit the separate lines; null if none was given.
        #[oai(nullable)]
        pub billing_address: Option<String>,
        /// First line of the billing address; null if none was given.
        #[oai(nullable)]
        pub billing_line1: Option<String>,
        /// Second line of the billing address; null if none was given.
        #[oai(nullable)]
        pub billing_line2: Option<String>,
        /// City of the billing address; null if none was given.
        #[oai(nullable)]
        pub billing_city: Option<String>,
        /// State, province or region of the billing address; null if none was given.
        #[oai(nullable)]
        pub billing_region: Option<String>,
        /// Postal code of the billing address, as entered; null if none was given.
        #[oai(nullable)]
        pub billing_postal_code: Option<String>,
        /// Country of the billing address, as entered; null if none was given.
        #[oai(nullable)]
        pub billing_country: Option<String>,
        /// Email address that invoices are sent to; null if none was given.
        #[oai(nullable)]
        pub billing_email: Option<String>,
        /// Tax or VAT identification number of the client; null if none was given.
        #[oai(nullable)]
        pub tax_number: Option<String>,
        /// Hourly rate that a new project of the client copies when it names none, in the client's currency; null means no
        /// rate.
        #[oai(nullable)]
        pub default_rate: Option<Money>,
        /// Payment terms of the client in words, such as `Net 30`, from which the due date of a new invoice follows; null
        /// means 30 days.
        #[oai(nullable)]
        pub default_payment_terms: Option<String>,
        /// Tax rate of new invoices, in percent from 0 to 100; null means no tax.
        #[oai(nullable)]
        pub default_tax_rate: Option<Percent>,
        /// Whether the client asks for a purchase order number on invoices.
        pub require_po_number: bool,
        /// Version of the client: 1 at creation, higher after every change. Send it as `If-Match` (REST) or
        /// `expectedVersion` (GraphQL) to change only this version.
        pub version: i32,
        /// Time at which the client was created (UTC).
        pub created_at: Timestamp,
        /// Time of the last change of the client (UTC); strictly later with every change.
        pub updated_at: Timestamp,
        /// Time at which the client was deleted (UTC); null while it is live.
        #[oai(nullable)]
        pub deleted_at: Option<Timestamp>,
    }
}

impl outbox::EventRecord for Client {
    const KEY: &'static str = "client";
}

impl Record for Client {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// One client.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: ClientId) -> Result<Client, Error> {
    Ok(cx.read(Action::GetClient)?.get::<client::Entity>(id).await?.into())
}

/// Clients by id, deleted ones too: they still resolve as somebody's parent.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn by_ids(cx: &Cx, ids: &[ClientId]) -> Result<Vec<Client>, Error> {
    let rows = cx.read(Action::GetClient)?.by_ids::<client::Entity>(ids).await?;
    Ok(rows.into_iter().map(Client::from).collect())
}

/// A new client.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn create(cx: &Cx, input: CreateClientInput) -> Result<Written<Client>, Error> {
    cx.create(Action::CreateClient, input, async |write, input| {
        let default_currency = write.caller()?.default_currency.clone();
        let mut row = client::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            currency: default_currency.clone(),
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            ..client::Model::blank()
        };
        input.apply(&mut row, default_currency);
        write.insert_last::<client::Entity>(row.clone()).await?;
        let client = Client::from(row);
        outbox::emit(write, EventType::ClientCreated, &client).await?;
        Ok(client)
    })
    .await
}

/// Changes a client.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    id: ClientId,
    expected: &Precondition,
    changes: UpdateClientInput,
) -> Result<Written<Client>, Error> {
    cx.write(Action::UpdateClient, changes, async |write, changes| {
        let before = write.lock_exclusive::<client::Entity>(id).await?;
        expected.check(before.version)?;
        let mut after = before.clone();
        changes.apply(&mut after, write.caller()?.default_currency.clone());
        Ok(write.update::<client::Entity>(&before, after).await?.into())
    })
    .await
}

/// Deletes a client that has neither active projects nor invoices in force.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Stale`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn delete(cx: &Cx, id: ClientId, expected: &Precondition) -> Result<Written<Deleted>, Error> {
    cx.write(Action::DeleteClient, (), async |write, ()| {
        let before = write.lock_exclusive::<client::Entity>(id).await?;
        expected.check(before.version)?;
        let active = write.count::<project::Entity>(|query| {
            query
                .filter(project::Column::ClientId.eq(id))
                .filter(project::Column::Status.eq(ProjectStatus::Active))
                .filter(project::Column::DeletedAt.is_null())
        });
        if active.await? > 0 {
            let message = "the client has active projects; complete, archive or delete them first";
            return Err(Error::conflict(Reason::ActiveProjects, message));
        }
        let invoiced = write.count::<invoice::Entity>(|query| {
            query.filter(invoice::Column::ClientId.eq(id)).filter(invoice::Column::Status.ne(InvoiceStatus::Cancelled))
        });
        if invoiced.await? > 0 {
            return Err(Error::conflict(Reason::HasInvoices, "the client has invoices that are not cancelled"));
        }
        let after = client::Model { deleted_at: Some(write.now), ..before.clone() };
        write.update::<client::Entity>(&before, after).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}
