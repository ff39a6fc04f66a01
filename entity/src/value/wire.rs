//! How a value is read from a request, and how it is described in the OpenAPI document and the GraphQL schema.

use poem_openapi::registry::MetaSchema;

pub use super::errors::FieldErrors;
use super::{Id, Json};

/// A value that a caller may send, on any surface.
pub trait Wire: Sized + Send + Sync + 'static {
    /// Its name in the GraphQL schema; one of GraphQL's own scalars or one that `describe` adds.
    const GRAPHQL: &'static str;

    /// Whether it is a list: `[T!]` in GraphQL, a repeated parameter in a query.
    const LIST: bool = false;

    /// Its type in the GraphQL schema, nullable.
    fn graphql() -> String {
        Self::GRAPHQL.to_owned()
    }

    /// Adds its type to the GraphQL schema.
    fn describe(registry: &mut async_graphql::registry::Registry);

    /// Its schema in the OpenAPI document, in answers.
    fn openapi() -> MetaSchema;

    /// Its schema as a parameter of a query.
    fn openapi_in_query() -> MetaSchema {
        Self::openapi()
    }

    /// Its schema in a request body, where more forms may be accepted.
    fn openapi_in_body() -> MetaSchema {
        Self::openapi()
    }

    /// Whether this text in a body means null; only types that are strings themselves have an empty form.
    fn is_blank(_text: &str) -> bool {
        false
    }

    /// The ids in a list, with their places, also where the list is wrong: what they lead to is looked for all the same.
    fn ids(_json: &Json) -> Vec<(usize, Id)> {
        vec![]
    }

    /// The id that it is, if it is one.
    fn id(_json: &Json) -> Option<Id> {
        None
    }

    /// Writes it as its text. What stands in most records writes it without the machinery of formats.
    ///
    /// # Errors
    /// Those of the serializer.
    fn serialize_text<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        Self: std::fmt::Display,
    {
        serializer.collect_str(self)
    }

    /// Reads it from a body or a GraphQL value; the error says what to send instead.
    ///
    /// # Errors
    /// What is wrong with the value, as text for the caller.
    fn parse(json: Json) -> Result<Self, FieldErrors>;

    /// Reads it from a GraphQL value, whose numbers are binary floats.
    ///
    /// # Errors
    /// What is wrong with the value, as text for the caller.
    fn parse_graphql(json: Json) -> Result<Self, FieldErrors> {
        Self::parse(json)
    }

    /// Reads it from a query parameter.
    ///
    /// # Errors
    /// What is wrong with the value, as text for the caller.
    fn parse_text(text: &str) -> Result<Self, FieldErrors> {
        Self::parse(Json::Text(text.to_owned()))
    }

    /// Reads it from all values of its query parameter.
    ///
    /// # Errors
    /// What is wrong with the value, as text for the caller.
    fn parse_query(values: &[String]) -> Result<Self, FieldErrors> {
        match values {
            [text] => Self::parse_text(text),
            _ => Err("must be given once".into()),
        }
    }
}

/// A schema of this JSON type and format (`""` for none).
pub fn openapi_schema(ty: &'static str, format: &'static str) -> MetaSchema {
    let schema = MetaSchema::new(ty);
    if format.is_empty() { schema } else { MetaSchema { format: Some(format), ..schema } }
}

/// The title of a schema that becomes a component of the OpenAPI document: its name, and on further lines its description
/// and that of each of its values.
pub fn component(name: &str, about: &str, values: &[(&str, &str)]) -> String {
    let mut title = format!("{name}\n{}", about.trim());
    for (i, (value, about)) in values.iter().enumerate() {
        let gap = if i == 0 { "\n\n" } else { "\n" };
        title.push_str(&format!("{gap}- `{value}`: {}", about.trim()));
    }
    title
}

/// Adds a custom scalar to the GraphQL schema.
pub(crate) fn describe_scalar<T: Wire + async_graphql::InputType>(
    registry: &mut async_graphql::registry::Registry,
    description: &'static str,
    specified_by: Option<&'static str>,
) {
    use async_graphql::registry::{MetaType, MetaTypeId};
    registry.create_input_type::<T, _>(MetaTypeId::Scalar, |_| MetaType::Scalar {
        name: T::GRAPHQL.into(),
        description: Some(description.into()),
        is_valid: None,
        visible: None,
        inaccessible: false,
        tags: vec![],
        specified_by_url: specified_by.map(Into::into),
        directive_invocations: vec![],
        requires_scopes: vec![],
    });
}

/// Makes a `Wire` type known to async-graphql and poem-openapi, in and out. It is rendered by its `Display`.
macro_rules! on_every_surface {
    ($type:ident $(<$argument:ident> for $($generic:tt)+)?) => {
        impl<$($($generic)+)?> async_graphql::InputType for $type $(<$argument>)? {
            type RawValueType = Self;
            fn type_name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::value::Wire>::GRAPHQL.into()
            }
            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <Self as $crate::value::Wire>::describe(registry);
                <Self as async_graphql::InputType>::qualified_type_name()
            }
            fn parse(value: Option<async_graphql::Value>) -> async_graphql::InputValueResult<Self> {
                <Self as $crate::value::Wire>::parse_graphql(value.unwrap_or_default().into())
                    .map_err(async_graphql::InputValueError::custom)
            }
            fn to_value(&self) -> async_graphql::Value {
                async_graphql::Value::String(self.to_string())
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }
        impl<$($($generic)+)?> async_graphql::OutputType for $type $(<$argument>)? {
            fn type_name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::value::Wire>::GRAPHQL.into()
            }
            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <Self as async_graphql::InputType>::create_type_info(registry)
            }
            async fn resolve(
                &self,
                _: &async_graphql::ContextSelectionSet<'_>,
                _: &async_graphql::Positioned<async_graphql::parser::types::Field>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                Ok(async_graphql::Value::String(self.to_string()))
            }
        }
        $crate::value::wire::in_openapi!($type $(<$argument> for $($generic)+)?);
        impl<$($($generic)+)?> serde::Serialize for $type $(<$argument>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::value::Wire::serialize_text(self, serializer)
            }
        }
        impl<'de $(, $($generic)+)?> serde::Deserialize<'de> for $type $(<$argument>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::value::Wire>::parse_text(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Makes a `Wire` type known to poem-openapi: its schema, and the plain string that stands for it.
macro_rules! in_openapi {
    ($type:ident $(<$argument:ident> for $($generic:tt)+)?) => {
        impl<$($($generic)+)?> poem_openapi::types::Type for $type $(<$argument>)? {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new(<Self as $crate::value::Wire>::openapi()))
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
        impl<$($($generic)+)?> poem_openapi::types::ParseFromJSON for $type $(<$argument>)? {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(poem_openapi::types::ParseError::custom)
            }
        }
        impl<$($($generic)+)?> poem_openapi::types::ToJSON for $type $(<$argument>)? {
            fn to_json(&self) -> Option<serde_json::Value> {
                serde_json::to_value(self).ok()
            }
        }
    };
}

pub(crate) use in_openapi;
pub(crate) use on_every_surface;

impl Wire for bool {
    const GRAPHQL: &'static str = "Boolean";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <bool as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        openapi_schema("boolean", "")
    }

    fn parse(json: Json) -> Result<bool, FieldErrors> {
        match json {
            Json::Bool(value) => Ok(value),
            other => Err(format!("must be true or false, not {}", other.kind()).into()),
        }
    }

    fn parse_text(text: &str) -> Result<bool, FieldErrors> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err("must be true or false (1, 0, yes and no are taken too)".into()),
        }
    }
}

impl Wire for i32 {
    const GRAPHQL: &'static str = "Int";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <i32 as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        openapi_schema("integer", "int32")
    }

    fn parse(json: Json) -> Result<i32, FieldErrors> {
        match json {
            Json::Number(digits) => Self::parse_text(&digits),
            other => Err(format!("must be a whole number, not {}", other.kind()).into()),
        }
    }

    /// `90`, and by JSON's own notion of a number also `90.0` and `9e1`.
    fn parse_text(text: &str) -> Result<i32, FieldErrors> {
        let whole = || {
            let number: f64 = text.parse().ok()?;
            let fits = number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
            fits.then_some(number as i32)
        };
        text.parse().ok().or_else(whole).ok_or_else(|| "must be a whole number that fits in 32 bits".into())
    }
}

/// The most values of one list: enough for any filter, few enough for any database.
const MAX_VALUES: usize = 200;

fn list_of(items: MetaSchema) -> MetaSchema {
    let items = poem_openapi::registry::MetaSchemaRef::Inline(Box::new(items));
    MetaSchema { items: Some(Box::new(items)), max_items: Some(MAX_VALUES), ..openapi_schema("array", "") }
}

fn too_many(values: usize) -> FieldErrors {
    format!("must have at most {MAX_VALUES} values, not {values}").into()
}

impl<T: Wire> Wire for Vec<T> {
    const GRAPHQL: &'static str = T::GRAPHQL;
    const LIST: bool = true;

    fn graphql() -> String {
        format!("[{}!]", T::graphql())
    }

    fn describe(registry: &mut async_graphql::registry::Registry) {
        T::describe(registry);
    }

    fn parse_query(values: &[String]) -> Result<Vec<T>, FieldErrors> {
        if values.len() > MAX_VALUES {
            return Err(too_many(values.len()));
        }
        let read = |text: &String| {
            T::parse_text(text).map_err(|wrong| match text.contains(',') {
                true => format!("{wrong}; for several values repeat the parameter").into(),
                false => wrong,
            })
        };
        values.iter().map(read).collect()
    }

    fn openapi() -> MetaSchema {
        list_of(T::openapi())
    }

    fn openapi_in_query() -> MetaSchema {
        list_of(T::openapi_in_query())
    }

    fn openapi_in_body() -> MetaSchema {
        list_of(T::openapi_in_body())
    }

    fn ids(json: &Json) -> Vec<(usize, Id)> {
        match json {
            Json::List(items) if items.len() <= MAX_VALUES => {
                items.iter().enumerate().filter_map(|(place, item)| Some((place, T::id(item)?))).collect()
            }
            _ => vec![],
        }
    }

    fn parse(json: Json) -> Result<Vec<T>, FieldErrors> {
        let items = match json {
            Json::List(items) => items,
            other => return Err(format!("must be an array, not {}", other.kind()).into()),
        };
        if items.len() > MAX_VALUES {
            return Err(too_many(items.len()));
        }
        let mut problems = FieldErrors::none();
        let mut values = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match T::parse(item) {
                Ok(value) => values.push(value),
                Err(inner) => problems.nest(&format!("[{i}]"), inner),
            }
        }
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }
}
