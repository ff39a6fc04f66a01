//! Inputs: structs whose fields have three states (absent, null, value) and that report every bad field at once, the same
//! over REST, over GraphQL and in the OpenAPI document.

use entity::value::{ClientId, ExternalId, FieldErrors, Json, ProjectId, TaskId, UserId};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use crate::contract::caller::Caller;
pub use crate::contract::camel::{camel, camel_static, is_camel_of};
use crate::contract::error::{Error, Feature};
pub use crate::contract::field::{DEFAULTED, Defaulted, Field, NON_NULL, NonNull, OPTIONAL, REQUIRED, Required};

/// How a field is described in the OpenAPI document.
pub trait FieldSchema {
    /// `OPTIONAL`, `REQUIRED`, `NON_NULL` or `DEFAULTED`.
    const KIND: u8;
    /// Whether it is a list, which a query sends as a repeated parameter.
    const LIST: bool;
    /// Its schema in a body.
    fn openapi() -> MetaSchema;
    /// Its schema as a parameter of a query.
    fn openapi_in_query() -> MetaSchema;
}

/// One field of an input, for the documents.
pub struct FieldInfo {
    /// The key on the wire.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// `OPTIONAL`, `REQUIRED`, `NON_NULL` or `DEFAULTED`.
    pub kind: u8,
    /// Whether it is a list, which a query sends as a repeated parameter.
    pub list: bool,
    /// Its schema in a body.
    pub schema: MetaSchema,
    /// Its schema as a parameter of a query.
    pub in_query: MetaSchema,
}

/// A type that a JSON body is read into.
pub trait FromBody: Send {
    /// Reads a body. What does not fit is recorded and reported by `Validate::problems`.
    fn from_json(json: Json) -> Self;
}

/// A struct made by `input!`.
pub trait Input: FromBody + Sized + Default + Send + Sync + 'static {
    /// Its fields, in order.
    fn fields() -> Vec<FieldInfo>;

    /// Reads the values of one query parameter; returns false if there is no such field.
    fn set_query(&mut self, name: &str, values: &[String]) -> bool;

    /// The errors of single fields.
    fn field_problems(&self) -> FieldErrors;

    /// The fields that were sent and their values, as one text. Fields that were not sent are not part of it, so that one that
    /// a later release adds changes nothing.
    fn sent(&self) -> String;

    /// Whether nothing was sent but some of these fields.
    fn has_only(&self, fields: &[&str]) -> bool;
}

/// A record that an input refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A client.
    Client(ClientId),
    /// A project.
    Project(ProjectId),
    /// A task.
    Task(TaskId),
    /// A member, by the id of the person.
    User(UserId),
}

/// The references among some fields, by name.
pub(crate) fn references(fields: &[(&str, Option<Reference>)]) -> Vec<(String, Reference)> {
    fields.iter().filter_map(|(name, reference)| reference.map(|reference| ((*name).to_owned(), reference))).collect()
}

/// An id of another system that a new record is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExternalId {
    /// The field.
    pub path: String,
    /// The table of the record.
    pub table: &'static str,
    /// The id.
    pub id: String,
}

/// The id that the field `externalId` of a new record holds, if it holds one.
pub(crate) fn external_id(table: &'static str, field: &Field<ExternalId>) -> Vec<NewExternalId> {
    let new = |id: &ExternalId| NewExternalId { path: "externalId".into(), table, id: id.as_str().to_owned() };
    field.get().map(new).into_iter().collect()
}

/// Checks an input as a whole: its fields, and the rules between them.
pub trait Validate {
    /// The feature of the plan that this input needs, where that depends on what is sent.
    fn feature(&self) -> Feature {
        Feature::ApiAccess
    }

    /// Refuses what the caller's role may not send; this comes before any other error.
    ///
    /// # Errors
    /// `Forbidden` where the caller's role may not send it.
    fn refuse(&self, _caller: &Caller) -> Result<(), Error> {
        Ok(())
    }

    /// The records that it names, by path. They are looked up only if the write is refused for something else, so that an
    /// unknown reference is reported together with the rest; the operation itself looks up and locks those of accepted input.
    fn references(&self) -> Vec<(String, Reference)> {
        vec![]
    }

    /// The ids of other systems that new records are to have, which no live record of their kind may have. They are looked up as
    /// `references` are.
    fn external_ids(&self) -> Vec<NewExternalId> {
        vec![]
    }

    /// Its price, in points of the sustained rate limit.
    fn points(&self) -> u32 {
        1
    }

    /// Whether the price was counted in the database. The cost of a GraphQL document cannot include it, so it is charged
    /// beside that.
    fn is_priced_by_count(&self) -> bool {
        false
    }

    /// Every error that can be found without the database.
    fn problems(&self) -> FieldErrors;
}

/// An operation without input.
impl Validate for () {
    fn problems(&self) -> FieldErrors {
        FieldErrors::none()
    }
}

/// Adds a struct of fields to the OpenAPI registry under its name.
pub fn register_schema<T: poem_openapi::types::Type + Input>(
    registry: &mut poem_openapi::registry::Registry,
    description: &'static str,
) {
    registry.create_schema::<T, _>(T::name().into_owned(), |_| {
        let fields = T::fields();
        MetaSchema {
            description: Some(description),
            required: fields.iter().filter(|f| f.kind == REQUIRED).map(|f| f.name).collect(),
            properties: fields
                .into_iter()
                .map(|f| {
                    let schema = MetaSchema { description: Some(f.description), ..f.schema };
                    (f.name, MetaSchemaRef::Inline(Box::new(schema)))
                })
                .collect(),
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::new("never"))))),
            ..MetaSchema::new("object")
        }
    });
}

/// Writes an input: a struct of `Field`s, read from JSON, from a query and by async-graphql under its own name, and
/// described in the OpenAPI document. Keys under `read_only` are known, but not taken. With `into` it changes a row: each field
/// the column of its name, but for those marked `=> own`, which their noun writes itself.
#[macro_export]
macro_rules! input {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty $(=> $own:ident)?,)*
        }
        $(read_only $($read_only:literal)*)?
        $(into $table:ident)?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default, async_graphql::InputObject)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
            /// Unknown and read-only keys that were sent, as errors.
            #[graphql(skip)]
            pub not_taken: entity::value::FieldErrors,
        }

        impl $crate::contract::input::FromBody for $name {
            fn from_json(json: entity::value::Json) -> Self {
                let mut input = <$name>::default();
                let pairs = match json {
                    entity::value::Json::Object(pairs) => pairs,
                    other => {
                        input.not_taken.add("body", format!("must be a JSON object, not {}", other.kind()));
                        return input;
                    }
                };
                for (key, value) in pairs {
                    $(if $crate::contract::input::is_camel_of(&key, stringify!($field)) {
                        input.$field = <$type>::from_json(value);
                        continue;
                    })*
                    let read_only = [$($($read_only),*)?].contains(&key.as_str());
                    input.not_taken.add(key, if read_only { "read-only" } else { "unknown" });
                }
                input
            }
        }

        impl $crate::contract::input::Input for $name {
            fn fields() -> Vec<$crate::contract::input::FieldInfo> {
                vec![$($crate::contract::input::FieldInfo {
                    name: $crate::contract::input::camel_static(stringify!($field)),
                    description: concat!($($doc),*).trim(),
                    kind: <$type as $crate::contract::input::FieldSchema>::KIND,
                    list: <$type as $crate::contract::input::FieldSchema>::LIST,
                    schema: <$type as $crate::contract::input::FieldSchema>::openapi(),
                    in_query: <$type as $crate::contract::input::FieldSchema>::openapi_in_query(),
                }),*]
            }

            fn set_query(&mut self, name: &str, values: &[String]) -> bool {
                $(if $crate::contract::input::is_camel_of(name, stringify!($field)) {
                    self.$field = <$type>::from_query(values);
                    return true;
                })*
                false
            }

            fn sent(&self) -> String {
                let mut sent = String::new();
                $(if self.$field.is_sent() {
                    sent += stringify!($field);
                    sent += &format!(" {:?};", self.$field);
                })*
                if !self.not_taken.is_empty() {
                    sent += &format!("{:?}", self.not_taken);
                }
                sent
            }

            fn has_only(&self, fields: &[&str]) -> bool {
                self.not_taken.is_empty() $(&& (!self.$field.is_sent() || fields.contains(&stringify!($field))))*
            }

            fn field_problems(&self) -> entity::value::FieldErrors {
                // If the body is no object, that is the only error.
                let mut problems = self.not_taken.clone();
                if problems.names("body") {
                    return problems;
                }
                $(if let Some(inner) = self.$field.problems() {
                    problems.nest(&$crate::contract::input::camel(stringify!($field)), inner);
                })*
                problems
            }
        }

        $crate::input!(@into $name ($($table)?) $($field ($($own)?))*);

        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(<Self as poem_openapi::types::Type>::name().into_owned())
            }
            fn register(registry: &mut poem_openapi::registry::Registry) {
                $crate::contract::input::register_schema::<Self>(registry, concat!($($about),*).trim());
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
    (@into $name:ident () $($rest:tt)*) => {};
    (@into $name:ident ($table:ident) $($field:ident ($($own:ident)?))*) => {
        impl $name {
            /// Writes the sent values into a row.
            fn change(self, row: &mut entity::$table::Model) {
                $($crate::input!(@change self row $field $($own)?);)*
            }
        }
    };
    (@change $self:ident $row:ident $field:ident) => { $self.$field.change(&mut $row.$field) };
    (@change $self:ident $row:ident $field:ident own) => {};
}
