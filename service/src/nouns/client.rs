//! Clients: who work is done for.

use entity::value::{
    Currency, DateOrDateTime, EventType, ExternalId, Id, InvoiceStatus, Money, Name, Note, Percent, ProjectStatus,
    ShortText, Text, Timestamp, fold,
};
use entity::{client, invoice, project};
use sea_orm::{ColumnTrait, Condition, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::{Defaulted, Field, Input, NonNull, Required, Validate};
use crate::contract::outcome::{Deleted, Precondition, Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::list::filter::{one_of, one_of_texts, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};
use crate::outbox;

/// A client: a person or company that work is done for. Only Owners, Admins and Managers see clients.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "ClientFields")]
pub struct Client {
    /// Identifier of the client (UUID v7).
    pub id: Id,
    /// Identifier of the workspace that the client belongs to.
    pub org_id: Id,
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

impl From<client::Model> for Client {
    fn from(row: client::Model) -> Client {
        let client::Model {
            id,
            organization_id,
            external_id,
            name,
            name_key: _,
            search_key: _,
            contact_name,
            email,
            phone,
            website,
            currency,
            notes,
            billing_address,
            billing_line1,
            billing_line2,
            billing_city,
            billing_region,
            billing_postal_code,
            billing_country,
            billing_email,
            tax_number,
            default_rate,
            default_payment_terms,
            default_tax_rate,
            require_po_number,
            version,
            created_at,
            updated_at,
            deleted_at,
        } = row;
        Client {
            id,
            org_id: organization_id,
            external_id,
            name,
            contact_name,
            email,
            phone,
            website,
            currency,
            notes,
            billing_address,
            billing_line1,
            billing_line2,
            billing_city,
            billing_region,
            billing_postal_code,
            billing_country,
            billing_email,
            tax_number,
            default_rate,
            default_payment_terms,
            default_tax_rate,
            require_po_number,
            version,
            created_at,
            updated_at,
            deleted_at,
        }
    }
}

impl outbox::EventRecord for Client {
    const KEY: &'static str = "client";
}

impl Record for Client {
    fn id(&self) -> Id {
        self.id
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// The two inputs of a client differ in one field: a new one needs its name.
macro_rules! client_input {
    ($(#[doc = $doc:literal])* $name:ident, name: $required:ident, flag: $flag:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the client in another system: at most 255 characters, unique among live clients. Null
                /// or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// Name of the client: 1 to 200 characters, not only white space.
                pub name: $required<Name>,
                /// Name of the person to contact: at most 1,000 characters. Null or an empty text clears it.
                pub contact_name: Field<Text<1000>>,
                /// Email address of the contact person: at most 1,000 characters. Null or an empty text clears it.
                pub email: Field<Text<1000>>,
                /// Phone number of the contact person, as entered: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub phone: Field<Text<1000>>,
                /// Website URL of the client: at most 1,000 characters. Null or an empty text clears it.
                pub website: Field<Text<1000>>,
                /// Currency of all rates, expenses and invoices of the client (ISO 4217 code, either case). Null or an
                /// empty text means the workspace's default currency.
                pub currency: Field<Currency>,
                /// Internal notes about the client: at most 10,000 characters. Null or an empty text clears them.
                pub notes: Field<Note>,
                /// Full billing address as one text, for addresses that do not fit the separate lines: at most 1,000
                /// characters. Null or an empty text clears it.
                pub billing_address: Field<Text<1000>>,
                /// First line of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_line1: Field<Text<1000>>,
                /// Second line of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_line2: Field<Text<1000>>,
                /// City of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_city: Field<Text<1000>>,
                /// State, province or region of the billing address: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub billing_region: Field<Text<1000>>,
                /// Postal code of the billing address, as entered: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub billing_postal_code: Field<Text<1000>>,
                /// Country of the billing address, as entered: at most 1,000 characters. Null or an empty text clears
                /// it.
                pub billing_country: Field<Text<1000>>,
                /// Email address that invoices are sent to: at most 1,000 characters. Null or an empty text clears it.
                pub billing_email: Field<Text<1000>>,
                /// Tax or VAT identification number of the client: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub tax_number: Field<Text<1000>>,
                /// Hourly rate that a new project of the client copies when it names none, in the client's currency,
                /// from 0. Null means no rate; existing projects do not change.
                pub default_rate: Field<Money>,
                /// Payment terms of the client in words, such as `Net 30`: at most 50 characters. Null or an empty text
                /// means 30 days.
                pub default_payment_terms: Field<ShortText>,
                /// Tax rate of new invoices, in percent from 0 to 100. Null means no tax.
                pub default_tax_rate: Field<Percent>,
                /// Whether the client asks for a purchase order number on invoices; `false` by default.
                pub require_po_number: $flag<bool>,
            }
            read_only "id" "orgId" "version" "createdAt" "updatedAt" "deletedAt"
        }

        impl Validate for $name {
            fn problems(&self) -> entity::value::FieldErrors {
                self.field_problems()
            }
        }

        impl $name {
            /// Puts what was sent into a row, apart from the name's own columns.
            fn apply(self, row: &mut client::Model, default_currency: Currency) {
                self.external_id.change(&mut row.external_id);
                self.contact_name.change(&mut row.contact_name);
                self.email.change(&mut row.email);
                self.phone.change(&mut row.phone);
                self.website.change(&mut row.website);
                match self.currency {
                    Field::Value(currency) => row.currency = currency,
                    Field::Null => row.currency = default_currency,
                    Field::Absent | Field::Bad(_) => {}
                }
                self.notes.change(&mut row.notes);
                self.billing_address.change(&mut row.billing_address);
                self.billing_line1.change(&mut row.billing_line1);
                self.billing_line2.change(&mut row.billing_line2);
                self.billing_city.change(&mut row.billing_city);
                self.billing_region.change(&mut row.billing_region);
                self.billing_postal_code.change(&mut row.billing_postal_code);
                self.billing_country.change(&mut row.billing_country);
                self.billing_email.change(&mut row.billing_email);
                self.tax_number.change(&mut row.tax_number);
                self.default_rate.change(&mut row.default_rate);
                self.default_payment_terms.change(&mut row.default_payment_terms);
                self.default_tax_rate.change(&mut row.default_tax_rate);
                self.require_po_number.change(&mut row.require_po_number);
                if let Some(name) = self.name.take() {
                    row.name = name.into();
                }
                row.name_key = fold(&row.name);
                row.search_key = search_key(row);
            }
        }
    };
}

client_input!(
    /// The fields of a new client. Only `name` is required.
    CreateClientInput, name: Required, flag: Defaulted
);
client_input!(
    /// The fields of a client to change. An absent field keeps its value, null clears a nullable one.
    UpdateClientInput, name: NonNull, flag: NonNull
);

fn search_key(row: &client::Model) -> String {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    fold(&format!("{}\u{1f}{}\u{1f}{}", row.name, text(&row.contact_name), text(&row.email)))
}

crate::sort! {
    /// What clients are sorted by.
    pub enum ClientSort of client {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
        Name "name" by "name_key" => |row| Key::Text(row.name_key.clone()),
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of the list of clients; a client must match all of them.
    pub struct ClientFilter {
        /// Only clients with one of these identifiers.
        pub id: Field<Vec<Id>>,
        /// Only clients with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only clients created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only clients created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only clients last changed at or after this instant; a date means the start of that UTC day. Records may
        /// appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only clients last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for ClientFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use client::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for client::Entity {
    type Sort = ClientSort;
    type Filter = ClientFilter;
    const SEARCH: Option<client::Column> = Some(client::Column::SearchKey);
}

/// The arguments of a client list.
pub type ClientArgs = ListArgs<ClientFilter, ClientSort>;

/// A page of clients.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
pub async fn list(cx: &Cx, args: &ClientArgs) -> Result<Page<Client>, Error> {
    Ok(cx.list::<client::Entity>(Action::ListClients, args).await?.map(Client::from))
}

/// One client.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
pub async fn get(cx: &Cx, id: Id) -> Result<Client, Error> {
    Ok(cx.read(Action::GetClient)?.get::<client::Entity>(id).await?.into())
}

/// Clients by id, deleted ones too: they still resolve as somebody's parent.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn by_ids(cx: &Cx, ids: &[Id]) -> Result<Vec<Client>, Error> {
    let rows = cx.read(Action::GetClient)?.by_ids::<client::Entity>(ids).await?;
    Ok(rows.into_iter().map(Client::from).collect())
}

/// A new client.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `Conflict` (state or idempotency key), or `Internal` (database).
pub async fn create(cx: &Cx, input: CreateClientInput) -> Result<Written<Client>, Error> {
    cx.create(Action::CreateClient, input, async |write, input| {
        let default_currency = write.caller()?.default_currency.clone();
        let mut row = client::Model {
            id: write.new_id(),
            organization_id: write.organization_id(),
            external_id: None,
            name: String::new(),
            name_key: String::new(),
            search_key: String::new(),
            contact_name: None,
            email: None,
            phone: None,
            website: None,
            currency: default_currency.clone(),
            notes: None,
            billing_address: None,
            billing_line1: None,
            billing_line2: None,
            billing_city: None,
            billing_region: None,
            billing_postal_code: None,
            billing_country: None,
            billing_email: None,
            tax_number: None,
            default_rate: None,
            default_payment_terms: None,
            default_tax_rate: None,
            require_po_number: false,
            version: 1,
            created_at: write.now,
            updated_at: write.now,
            deleted_at: None,
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
pub async fn update(
    cx: &Cx,
    id: Id,
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
pub async fn delete(cx: &Cx, id: Id, expected: &Precondition) -> Result<Written<Deleted>, Error> {
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
        Ok(Deleted { id })
    })
    .await
}
