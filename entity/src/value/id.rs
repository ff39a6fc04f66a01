//! Identifiers: UUID v7, the same on every surface (RFC 9562).

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;
use sea_orm::DeriveValueType;
use uuid::Uuid;

use super::Json;
use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};

/// A UUID v7: `ID` in GraphQL, a `uuid` string in OpenAPI, 16 bytes in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Id(pub Uuid);

impl Id {
    /// An id that no row has. What a path holds that is no UUID stands for it, and is not found.
    pub const NONE: Id = Id(Uuid::nil());
}

impl From<&Id> for Id {
    fn from(id: &Id) -> Id {
        *id
    }
}

/// Demanded of primary keys; ours never come from a counter of the database.
impl sea_orm::TryFromU64 for Id {
    fn try_from_u64(n: u64) -> Result<Id, sea_orm::DbErr> {
        Uuid::try_from_u64(n).map(Id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for Id {
    type Err = FieldErrors;

    /// Takes the hyphenated form, in either case; no braces, no `urn:uuid:`.
    fn from_str(text: &str) -> Result<Id, FieldErrors> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Id(uuid)),
            _ => Err("must be an id: a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057".into()),
        }
    }
}

impl Wire for Id {
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

    fn parse(json: Json) -> Result<Id, FieldErrors> {
        match json {
            Json::Text(text) => text.parse(),
            other => Err(format!("must be an id, a UUID in a string, not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(Id);
