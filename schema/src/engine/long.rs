//! `Long`: an integer beyond 32 bits.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// An integer between -2^53 and 2^53, sent as a JSON number: what `Int`, with its 32 bits, is too small for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Long(pub i64);

/// An integer between -2^53 and 2^53, sent as a JSON number: what `Int`, with its 32 bits, is too small for.
#[Scalar]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => {
                number.as_i64().map(Long).ok_or_else(|| InputValueError::expected_type(value.clone()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}
