//! One field of an input: absent, null, a value, or wrong.

use std::borrow::Cow;

use async_graphql::{InputValueResult, Value as GraphqlValue, registry};
use entity::value::{FieldErrors, Id, Json, Wire};
use poem_openapi::registry::MetaSchema;

use crate::contract::error::Error;
use crate::contract::input::FieldSchema;

/// May be absent or null.
pub const OPTIONAL: u8 = 0;
/// Must have a value.
pub const REQUIRED: u8 = 1;
/// May be absent, but not null.
pub const NON_NULL: u8 = 2;

/// May be absent or null, and then has a default.
pub const DEFAULTED: u8 = 3;

/// One field of an input. Reading it never fails, so that every bad field can be named at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T, const KIND: u8 = OPTIONAL> {
    /// Not sent.
    #[default]
    Absent,
    /// Sent as null, or as a blank text.
    Null,
    /// Sent.
    Value(T),
    /// Sent, but wrong.
    Bad(Wrong),
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    problems: FieldErrors,
    /// The ids in a list of which something else is wrong, with their indexes.
    ids: Vec<(usize, Id)>,
}

impl From<FieldErrors> for Wrong {
    fn from(problems: FieldErrors) -> Wrong {
        Wrong { problems, ids: vec![] }
    }
}

impl From<String> for Wrong {
    fn from(problem: String) -> Wrong {
        FieldErrors::from(problem).into()
    }
}

/// A field that a create needs.
pub type Required<T> = Field<T, REQUIRED>;
/// A field of a new record that has a default.
pub type Defaulted<T> = Field<T, DEFAULTED>;
/// A field that a change may leave out but not empty.
pub type NonNull<T> = Field<T, NON_NULL>;

impl<T, const KIND: u8> Field<T, KIND> {
    /// Its value, if it has one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Field::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Its value, if it has one.
    pub fn take(self) -> Option<T> {
        match self {
            Field::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it was sent at all.
    pub fn is_sent(&self) -> bool {
        !matches!(self, Field::Absent)
    }

    /// What is wrong with it.
    pub fn problems(&self) -> Option<FieldErrors> {
        match self {
            Field::Bad(wrong) => Some(wrong.problems.clone()),
            Field::Absent | Field::Null if KIND == REQUIRED => Some("required".into()),
            Field::Null if KIND == NON_NULL => {
                Some("must not be null or empty; leave it out to keep it as it is".into())
            }
            _ => None,
        }
    }
}

impl<X, const KIND: u8> Field<Vec<Id<X>>, KIND> {
    /// The ids that were sent, with their indexes; also those beside one that is wrong.
    pub fn ids(&self) -> Vec<(usize, Id<X>)> {
        match self {
            Field::Value(ids) => ids.iter().copied().enumerate().collect(),
            Field::Bad(wrong) => wrong.ids.iter().map(|(index, id)| (*index, id.of())).collect(),
            Field::Absent | Field::Null => vec![],
        }
    }
}

impl<T> Field<T> {
    /// Changes a nullable column: absent leaves it, null clears it.
    pub fn change<C: From<T>>(self, column: &mut Option<C>) {
        match self {
            Field::Value(value) => *column = Some(value.into()),
            Field::Null => *column = None,
            Field::Absent | Field::Bad(_) => {}
        }
    }
}

impl<T> Required<T> {
    /// The value, which validation has checked to be there.
    ///
    /// # Errors
    /// `Invalid` if the field is absent, null or invalid.
    pub fn value(self) -> Result<T, Error> {
        self.take().ok_or_else(|| Error::bug("a required field is empty after validation"))
    }
}

macro_rules! change_column {
    ($($field:ident)*) => {
        $(impl<T> $field<T> {
            /// Changes a column that is never null: what is absent or null leaves it.
            pub fn change<C: From<T>>(self, column: &mut C) {
                if let Field::Value(value) = self {
                    *column = value.into();
                }
            }
        })*
    };
}

change_column!(NonNull Defaulted Required);

impl<T: Wire, const KIND: u8> Field<T, KIND> {
    /// Reads what was sent.
    pub fn from_json(json: Json) -> Self {
        Self::read(json, T::parse)
    }

    fn read(json: Json, parse: impl FnOnce(Json) -> Result<T, FieldErrors>) -> Self {
        match json {
            Json::Null => Field::Null,
            Json::Text(text) if T::is_blank(&text) => Field::Null,
            json => {
                let ids = T::ids(&json);
                match parse(json) {
                    Ok(value) => Field::Value(value),
                    Err(problems) => Field::Bad(Wrong { problems, ids }),
                }
            }
        }
    }

    /// Reads all values of its query parameter. A blank text counts as null, as in a body and in GraphQL.
    pub fn from_query(values: &[String]) -> Self {
        if !T::LIST && matches!(values, [only] if T::is_blank(only)) {
            return Field::Null;
        }
        T::parse_query(values)
            .map_err(|errors| hint_at_repetition::<T>(values, errors))
            .map_or_else(|problems| Field::Bad(problems.into()), Field::Value)
    }
}

/// Explains how several values are sent, to a client that has sent them as one.
fn hint_at_repetition<T: Wire>(values: &[String], errors: FieldErrors) -> FieldErrors {
    if !T::LIST || !values.iter().any(|value| value.contains(',')) {
        return errors;
    }
    let mut hinted = FieldErrors::none();
    for (path, reason) in errors.iter() {
        hinted.add(path, format!("{reason}; repeat the parameter for several values"));
    }
    hinted
}

impl<T: Wire, const KIND: u8> async_graphql::InputType for Field<T, KIND> {
    type RawValueType = T;

    fn type_name() -> Cow<'static, str> {
        T::graphql().into()
    }

    fn qualified_type_name() -> String {
        format!("{}{}", T::graphql(), if KIND == REQUIRED { "!" } else { "" })
    }

    fn create_type_info(registry: &mut registry::Registry) -> String {
        T::describe(registry);
        Self::qualified_type_name()
    }

    fn parse(value: Option<GraphqlValue>) -> InputValueResult<Self> {
        Ok(match value.map(Json::from) {
            None => Field::Absent,
            // A list of one may be written without brackets (GraphQL, section 3.11).
            Some(json) if T::LIST && !matches!(json, Json::List(_) | Json::Null) => {
                Field::read(Json::List(vec![json]), T::parse_graphql)
            }
            Some(json) => Field::read(json, T::parse_graphql),
        })
    }

    fn to_value(&self) -> GraphqlValue {
        GraphqlValue::Null
    }

    fn as_raw_value(&self) -> Option<&T> {
        self.get()
    }
}

impl<T: Wire, const KIND: u8> FieldSchema for Field<T, KIND> {
    const KIND: u8 = KIND;
    const LIST: bool = T::LIST;

    fn openapi() -> MetaSchema {
        let schema = T::openapi_in_body();
        let emptiable = matches!(KIND, OPTIONAL | DEFAULTED);
        let min_length = if T::is_blank("") && !emptiable { Some(1) } else { schema.min_length };
        MetaSchema { nullable: emptiable, min_length, ..schema }
    }

    fn openapi_in_query() -> MetaSchema {
        T::openapi_in_query()
    }
}
