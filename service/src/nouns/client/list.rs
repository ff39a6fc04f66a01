//! Lists of clients: what they are sorted and filtered by.

use entity::client;
use entity::value::{ClientId, DateOrDateTime, ExternalId};
use sea_orm::Condition;

use super::Client;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{one_of, one_of_texts, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

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
        pub id: Field<Vec<ClientId>>,
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
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ClientArgs) -> Result<Page<Client>, Error> {
    Ok(cx.list::<client::Entity>(Action::ListClients, args).await?.map(Client::from))
}
