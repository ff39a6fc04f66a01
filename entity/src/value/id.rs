//! Identifiers: UUID v7, the same on every surface (RFC 9562), each of the type of its record.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use derive_where::derive_where;
use poem_openapi::registry::MetaSchema;
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ActiveValue, ColIdx, DbErr, IntoActiveValue, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

use super::Json;
use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};

/// A UUID v7: `ID` in GraphQL, a `uuid` string in OpenAPI, 16 bytes in the database. `T` is the table of its record, so that
/// the id of a client is not taken for that of a project; an `Id` alone is of a record whose kind is not known here.
#[derive_where(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<T = Any>(pub Uuid, #[derive_where(skip(Debug))] PhantomData<fn() -> T>);

/// A record of any kind.
pub enum Any {}

impl<T> Id<T> {
    /// An id that no row has. What a path holds that is no UUID stands for it, and is not found.
    pub const NONE: Id<T> = Id::new(Uuid::nil());

    /// The id that this UUID is.
    pub const fn new(uuid: Uuid) -> Id<T> {
        Id(uuid, PhantomData)
    }

    /// The same id, where records of every kind are treated alike.
    pub const fn any(self) -> Id {
        Id::new(self.0)
    }
}

impl Id {
    /// The same id, as that of a record of this kind: where a caller names a record, such as in a path.
    pub const fn of<T>(self) -> Id<T> {
        Id::new(self.0)
    }
}

macro_rules! typed {
    ($($name:ident = $table:ident, $about:literal;)*) => {
        $(#[doc = concat!("Id of ", $about, ".")]
        pub type $name = Id<crate::$table::Entity>;)*
    };
}

typed! {
    OrganizationId = organization, "a workspace";
    UserId = user, "a person, the same in all workspaces";
    MemberId = member, "a person's membership in a workspace";
    TokenId = token, "a token";
    LoginLinkId = login_link, "a login link";
    SessionId = session, "a session of the settings pages";
    PasskeyId = passkey, "a passkey";
    ClientId = client, "a client";
    ProjectId = project, "a project";
    TaskId = task, "a task";
    TimeEntryId = time_entry, "a time entry";
    ExpenseId = expense, "an expense";
    InvoiceId = invoice, "an invoice";
    InvoiceLineId = invoice_line, "a line of an invoice";
    EventId = event, "an event";
    WebhookEndpointId = webhook_endpoint, "a webhook endpoint";
    WebhookDeliveryId = webhook_delivery, "a delivery of an event to an endpoint";
}

impl<T> From<&Id<T>> for Id {
    fn from(id: &Id<T>) -> Id {
        id.any()
    }
}

impl<T> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Value {
        id.0.into()
    }
}

impl<T> TryGetable for Id<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Id<T>, TryGetError> {
        Uuid::try_get_by(row, column).map(Id::new)
    }
}

impl<T> ValueType for Id<T> {
    fn try_from(value: Value) -> Result<Id<T>, ValueTypeErr> {
        <Uuid as ValueType>::try_from(value).map(Id::new)
    }

    fn type_name() -> String {
        "Id".to_owned()
    }

    fn array_type() -> ArrayType {
        Uuid::array_type()
    }

    fn column_type() -> ColumnType {
        Uuid::column_type()
    }
}

impl<T> Nullable for Id<T> {
    fn null() -> Value {
        Uuid::null()
    }
}

impl<T> IntoActiveValue<Id<T>> for Id<T> {
    fn into_active_value(self) -> ActiveValue<Id<T>> {
        ActiveValue::Set(self)
    }
}

/// Demanded of primary keys; ours never come from a counter of the database.
impl<T> TryFromU64 for Id<T> {
    fn try_from_u64(n: u64) -> Result<Id<T>, DbErr> {
        Uuid::try_from_u64(n).map(Id::new)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl<T> FromStr for Id<T> {
    type Err = FieldErrors;

    /// Takes the hyphenated form, in either case; no braces, no `urn:uuid:`.
    fn from_str(text: &str) -> Result<Id<T>, FieldErrors> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Id::new(uuid)),
            _ => Err("must be an id: a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057".into()),
        }
    }
}

impl<T: 'static> Wire for Id<T> {
    const GRAPHQL: &'static str = "ID";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <async_graphql::ID as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        openapi_schema("string", "uuid")
    }

    fn serialize_text<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }

    fn id(json: &Json) -> Option<Id> {
        match json {
            Json::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn parse(json: Json) -> Result<Id<T>, FieldErrors> {
        match json {
            Json::Text(text) => text.parse(),
            other => Err(format!("must be an id, a UUID in a string, not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(Id<T> for T: 'static);
