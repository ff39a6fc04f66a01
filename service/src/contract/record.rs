//! Records: what callers see of a row. A record names its fields once; what it does not show of the row is named, too, so
//! that a new column does not compile until somebody decides.

use serde::de::DeserializeOwned;

use crate::contract::selected::{Objects, Selection, Unreadable};
use crate::contract::visible::Visible;

/// A field of a record, from the column of the same name.
pub(crate) trait FromColumn<C> {
    /// The field; `all` says whether the caller sees what only some roles see.
    fn from_column(column: C, all: bool) -> Self;
}

impl<T> FromColumn<T> for T {
    fn from_column(column: T, _: bool) -> T {
        column
    }
}

impl<T> FromColumn<Option<T>> for Visible<T> {
    fn from_column(column: Option<T>, all: bool) -> Visible<T> {
        Visible::only_if(all, column)
    }
}

/// A list, which is stored as a JSON array.
impl<T: DeserializeOwned> FromColumn<String> for Vec<T> {
    fn from_column(column: String, _: bool) -> Vec<T> {
        list_in(&column)
    }
}

/// The list that a column holds as a JSON array. A column that is none is damaged: it counts as empty, and the log says so.
pub(crate) fn list_in<T: DeserializeOwned>(column: &str) -> Vec<T> {
    serde_json::from_str(column).unwrap_or_else(|error| {
        tracing::error!(%error, "a column that holds a list is damaged, and is read as empty");
        vec![]
    })
}

/// What answers have in them, written as JSON. The code of it is made in this crate, which is optimized for speed, and not where a list is
/// answered (`docs/decisions/0060-the-release-program-is-stripped.md`).
pub trait WriteJson {
    /// Appends the record.
    ///
    /// # Errors
    /// A value of it has no form in JSON: a fault of ours.
    fn write_json(&self, into: &mut Vec<u8>) -> serde_json::Result<()>;

    /// The names of its fields, in their order.
    ///
    /// # Errors
    /// It is no structure: a fault of ours.
    fn field_names(&self) -> Result<Vec<&'static str>, Unreadable>;

    /// Appends an object of what is selected of it.
    ///
    /// # Errors
    /// It is no structure, or a value of it has no form in JSON: a fault of ours.
    fn write_selected(&self, selection: &Selection, into: &mut Objects) -> Result<(), Unreadable>;
}

/// Lets records of these types be in answers.
macro_rules! written {
    ($($record:ty),+) => {
        $(impl $crate::contract::record::WriteJson for $record {
            fn write_json(&self, into: &mut Vec<u8>) -> serde_json::Result<()> {
                serde_json::to_writer(into, self)
            }

            fn field_names(&self) -> Result<Vec<&'static str>, $crate::contract::selected::Unreadable> {
                $crate::contract::selected::field_names(self)
            }

            fn write_selected(
                &self,
                selection: &$crate::contract::selected::Selection,
                into: &mut $crate::contract::selected::Objects,
            ) -> Result<(), $crate::contract::selected::Unreadable> {
                $crate::contract::selected::write_selected(self, selection, into)
            }
        })+
    };
}

pub(crate) use written;

// Of objects without a record.
written!(());

/// Writes a record of a table, with its conversion from a row: `From`, or `shown(row, all)` where some fields are `Visible`
/// to some roles only.
macro_rules! record {
    (
        $(#[$about:meta])*
        pub struct $name:ident from $table:ident $(without $($hidden:ident)+)? { $($fields:tt)* }
    ) => {
        $crate::contract::record::record! {
            @ $(#[$about])* $name $table ($($($hidden)+)?) $($fields)*
        }

        impl From<entity::$table::Model> for $name {
            fn from(row: entity::$table::Model) -> $name {
                $name::shown(row, true)
            }
        }
    };
    (
        $(#[$about:meta])*
        pub struct $name:ident by role from $table:ident $(without $($hidden:ident)+)? { $($fields:tt)* }
    ) => {
        $crate::contract::record::record! {
            @ $(#[$about])* $name $table ($($($hidden)+)?) $($fields)*
        }
    };
    (
        @ $(#[$about:meta])* $name:ident $table:ident ($($hidden:ident)*)
        $(#[$about_id:meta])* pub id: $id:ty,
        $(#[$about_org:meta])* pub org_id: $org:ty,
        $($(#[$about_field:meta])* pub $field:ident: $type:ty,)*
    ) => {
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
        #[serde(rename_all = "camelCase")]
        #[oai(rename_all = "camelCase")]
        $(#[$about])*
        pub struct $name {
            $(#[$about_id])*
            pub id: $id,
            $(#[$about_org])*
            pub org_id: $org,
            $($(#[$about_field])* pub $field: $type,)*
        }

        $crate::contract::record::written!($name);

        impl $name {
            /// What a caller sees of a row; `all` says whether they see what only some roles see.
            pub(crate) fn shown(row: entity::$table::Model, all: bool) -> $name {
                // All columns, so that a new one is not shown, or hidden, by chance.
                let entity::$table::Model { id, organization_id, $($field,)* $($hidden: _,)* } = row;
                $name {
                    id,
                    org_id: organization_id,
                    $($field: $crate::contract::record::FromColumn::from_column($field, all),)*
                }
            }
        }
    };
}

pub(crate) use record;
