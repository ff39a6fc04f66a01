//! The hourly rate of a project, as it is sent.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use super::wire::{FieldErrors, Wire};
use super::{Json, Money};

/// An amount of money whose empty text stands for null: a form that leaves the rate of a project empty means the one of its
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Money);

impl From<Rate> for Money {
    fn from(rate: Rate) -> Money {
        rate.0
    }
}

impl Wire for Rate {
    const GRAPHQL: &'static str = Money::GRAPHQL;

    fn describe(registry: &mut async_graphql::registry::Registry) {
        Money::describe(registry);
    }

    fn openapi() -> MetaSchema {
        Money::openapi()
    }

    fn openapi_in_body() -> MetaSchema {
        let mut schema = Money::openapi_in_body();
        for form in &mut schema.one_of {
            if let MetaSchemaRef::Inline(form) = form
                && let Some(pattern) = &mut form.pattern
            {
                *pattern = format!("^({})?$", pattern.trim_start_matches('^').trim_end_matches('$'));
            }
        }
        let says = "Amount of money from 0 to 999999999999.9999: a decimal string such as `\"150.00\"`, or a JSON number of \
                    at most 15 significant digits. An empty string stands for null.";
        MetaSchema { title: Some(format!("RateInput\n{says}")), ..schema }
    }

    fn is_blank(text: &str) -> bool {
        text.trim().is_empty()
    }

    fn parse(json: Json) -> Result<Rate, FieldErrors> {
        Money::parse(json).map(Rate)
    }

    fn parse_graphql(json: Json) -> Result<Rate, FieldErrors> {
        Money::parse_graphql(json).map(Rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_rate_is_null_and_the_schema_says_so() {
        assert!(Rate::is_blank("") && Rate::is_blank(" ") && !Rate::is_blank("0"));
        assert_eq!(Rate::parse(Json::Text("80".into())).map(Money::from), Ok(Money::from_units(800_000)));
        let MetaSchemaRef::Inline(text) = &Rate::openapi_in_body().one_of[0] else { panic!("inline") };
        assert!(text.pattern.as_deref().is_some_and(|pattern| pattern.starts_with("^(") && pattern.ends_with(")?$")));
    }
}
