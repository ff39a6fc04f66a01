//! Fields that some callers may not see: absent over REST, null in GraphQL.

use std::borrow::Cow;

use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types, registry};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Begins the title of a schema in the OpenAPI registry whose field may be absent from an answer; its own title follows.
pub const MAY_BE_ABSENT: &str = "x-may-be-absent ";

/// A nullable value that is hidden from callers whose role may not see it.
///
/// A field of this type is marked `#[serde(default, skip_serializing_if = "Visible::is_hidden")]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Visible<T> {
    /// Hidden from this caller.
    #[default]
    Hidden,
    /// Shown to this caller; the value may still be null.
    Shown(Option<T>),
}

impl<T> Visible<T> {
    /// Shown only if the caller may see it.
    pub fn only_if(allowed: bool, value: Option<T>) -> Visible<T> {
        if allowed { Visible::Shown(value) } else { Visible::Hidden }
    }

    /// Whether this caller does not see it.
    pub fn is_hidden(&self) -> bool {
        matches!(self, Visible::Hidden)
    }

    /// Its value, if there is one and the caller sees it.
    pub fn get(&self) -> Option<&T> {
        match self {
            Visible::Shown(value) => value.as_ref(),
            Visible::Hidden => None,
        }
    }
}

impl<T: Serialize> Serialize for Visible<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Visible<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Visible::Shown)
    }
}

impl<T: OutputType> OutputType for Visible<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::type_name().into_owned()
    }

    fn create_type_info(registry: &mut registry::Registry) -> String {
        T::create_type_info(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<types::Field>) -> ServerResult<Value> {
        match self.get() {
            Some(value) => value.resolve(ctx, field).await,
            None => Ok(Value::Null),
        }
    }
}

impl<T: Type> Type for Visible<T> {
    const IS_REQUIRED: bool = false;
    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        format!("visible_{}", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let schema = T::schema_ref();
        let own = match &schema {
            MetaSchemaRef::Inline(schema) => schema.title.clone().unwrap_or_default(),
            MetaSchemaRef::Reference(_) => String::new(),
        };
        schema.merge(MetaSchema { nullable: true, title: Some(format!("{MAY_BE_ABSENT}{own}")), ..MetaSchema::ANY })
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.get().and_then(Type::as_raw_value)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        match self.get() {
            Some(value) => value.raw_element_iter(),
            None => Box::new(std::iter::empty()),
        }
    }
}

impl<T: ParseFromJSON> ParseFromJSON for Visible<T> {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        match value {
            None => Ok(Visible::Hidden),
            Some(value) => Option::parse_from_json(Some(value)).map(Visible::Shown).map_err(ParseError::propagate),
        }
    }
}

impl<T: ToJSON> ToJSON for Visible<T> {
    fn to_json(&self) -> Option<serde_json::Value> {
        match self {
            Visible::Hidden => None,
            Visible::Shown(value) => value.to_json(),
        }
    }
}
