//! The sort orders of lists: `-createdAt` over REST, `CREATED_AT_DESC` in GraphQL.

use std::borrow::Cow;
use std::fmt::Debug;

use async_graphql::registry::{MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{InputType, InputValueError, InputValueResult, Value};
use entity::cells::{Columns, TableRow};
use entity::value::{FieldErrors, Json, Wire, openapi_schema};
use poem_openapi::registry::MetaSchema;

use crate::list::page::Key;

/// One of the fields that a list is sorted by.
pub trait SortField: Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The rows of the list.
    type Row: TableRow;
    /// The name of the enum in GraphQL.
    const GRAPHQL: &'static str;
    /// All of them with their names over REST.
    const ALL: &'static [(&'static str, Self)];
    /// Whether the list can be searched.
    const SEARCHED: bool;

    /// The column; for a nullable one, its key column without nulls.
    fn column(self) -> &'static str;
    /// The value of a row in that column.
    fn key(self, row: &Self::Row) -> Key;

    /// The columns that must be read to show these fields and to sort by this one; none if a field is not a column.
    fn columns(self, fields: &[&str]) -> Option<Columns> {
        let needed = [self.column(), "id"].into_iter().chain(fields.iter().copied());
        let index = |name| Self::Row::COLUMNS.iter().position(|column| is_field(column, name));
        needed.map(index).try_fold(Columns::NONE, |columns, index| Some(columns.and(index?)))
    }
}

/// Whether a field, or a column, is of this column: they have the same name, but for the workspace.
fn is_field(column: &str, name: &str) -> bool {
    let column = if column == "organization_id" && name == "orgId" { "org_id" } else { column };
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    plain(column) == plain(name)
}

/// A sort order: a field and a direction. The default is the newest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sort<S> {
    /// The field.
    pub field: S,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl<S: Default> Default for Sort<S> {
    fn default() -> Sort<S> {
        Sort { field: S::default(), descending: true }
    }
}

/// Writes the enum of one list. The first field is the default.
#[macro_export]
macro_rules! sort {
    ($(#[doc = $doc:literal])* pub enum $name:ident of $table:ident {
        $($field:ident $wire:literal by $column:literal => |$row:ident| $key:expr,)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("By `", $wire, "`.")] $field,)+
        }

        impl Default for $name {
            fn default() -> Self {
                <Self as $crate::list::sort::SortField>::ALL[0].1
            }
        }

        impl $crate::list::sort::SortField for $name {
            type Row = entity::$table::Model;
            const GRAPHQL: &'static str = stringify!($name);
            const ALL: &'static [(&'static str, Self)] = &[$(($wire, $name::$field)),+];
            const SEARCHED: bool = <entity::$table::Entity as $crate::list::page::Listed>::SEARCH.is_some();

            fn column(self) -> &'static str {
                match self { $($name::$field => $column),+ }
            }

            fn key(self, row: &Self::Row) -> $crate::list::page::Key {
                match self { $($name::$field => { let $row = row; $key }),+ }
            }
        }
    };
}

/// `entryDate` as `ENTRY_DATE`.
fn screaming(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

impl<S: SortField> Wire for Sort<S> {
    const GRAPHQL: &'static str = S::GRAPHQL;

    fn describe(registry: &mut Registry) {
        Self::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        // The default, descending by the first field, is what samples show.
        let spellings = S::ALL.iter().flat_map(|(name, _)| [format!("-{name}"), (*name).to_owned()]);
        MetaSchema {
            title: Some(format!("{}\nSort order: a field, descending with a leading `-`.", S::GRAPHQL)),
            enum_items: spellings.map(Into::into).collect(),
            ..openapi_schema("string", "")
        }
    }

    fn parse(json: Json) -> Result<Sort<S>, FieldErrors> {
        match json {
            Json::Text(text) => Self::parse_text(&text),
            other => Err(format!("must be a sort order, not {}", other.kind()).into()),
        }
    }

    fn parse_text(text: &str) -> Result<Sort<S>, FieldErrors> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        if let Some((_, field)) = S::ALL.iter().find(|(known, _)| *known == name) {
            return Ok(Sort { field: *field, descending });
        }
        let allowed: Vec<_> = S::ALL.iter().map(|(name, _)| *name).collect();
        Err(format!("must be one of {}, with a leading - for descending", allowed.join(", ")).into())
    }

    fn parse_graphql(json: Json) -> Result<Sort<S>, FieldErrors> {
        let named = |text: &str| {
            let descending = text.strip_suffix("_DESC");
            let name = descending.or(text.strip_suffix("_ASC"))?;
            let (_, field) = S::ALL.iter().find(|(known, _)| screaming(known) == name)?;
            Some(Sort { field: *field, descending: descending.is_some() })
        };
        let sort = if let Json::Text(text) = &json { named(text) } else { None };
        sort.ok_or_else(|| "must be a value of its enum".into())
    }
}

impl<S: SortField> InputType for Sort<S> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        S::GRAPHQL.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| MetaType::Enum {
            name: S::GRAPHQL.into(),
            description: Some("Sort order of a list: a field and a direction. Ties are broken by `id`.".into()),
            enum_values: S::ALL
                .iter()
                .flat_map(|(name, _)| [("ASC", "ascending"), ("DESC", "descending")].map(|way| enum_value(name, way)))
                .map(|value| (value.name.clone(), value))
                .collect(),
            visible: None,
            inaccessible: false,
            tags: vec![],
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: vec![],
            requires_scopes: vec![],
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        <Self as Wire>::parse_graphql(value.unwrap_or_default().into()).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

fn enum_value(field: &str, (direction, in_words): (&str, &str)) -> MetaEnumValue {
    MetaEnumValue {
        name: format!("{}_{direction}", screaming(field)),
        description: Some(format!("By `{field}`, {in_words}.")),
        deprecation: Default::default(),
        visible: None,
        inaccessible: false,
        tags: vec![],
        directive_invocations: vec![],
    }
}
