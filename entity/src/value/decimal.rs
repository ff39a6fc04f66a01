//! Fixed-point numbers with four decimals: money, percentages, hours. Never a binary float on the way.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use sea_orm::DeriveValueType;

use super::Json;
use super::wire::{FieldErrors, Wire, describe_scalar, on_every_surface, openapi_schema};

/// Units in one: four decimals.
const SCALE: i64 = 10_000;

/// As it is given: up to 12 digits, then 2 to 4 decimals.
const CANONICAL: &str = r"^\d{1,12}\.\d{2,4}$";

/// As it is taken: up to 12 digits, then up to 4 decimals.
const PATTERN: &str = r"^\d{1,12}(\.\d{1,4})?$";

/// The units of a decimal text, by the pattern above.
fn units(text: &str) -> Option<i64> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if (1..=4).contains(&decimals.len()) => (whole, decimals),
        Some(_) => return None,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !(1..=12).contains(&whole.len()) || !digits(whole) || !digits(decimals) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let decimals: i64 = format!("{decimals:0<4}").parse().ok()?;
    Some(whole * SCALE + decimals)
}

/// The units of a JSON number: its digits as sent, at most 15 of them significant, an exponent allowed.
fn units_of_number(digits: &str) -> Result<i64, &'static str> {
    const RANGE: &str = "must be between 0 and 999999999999.9999 with at most 4 decimals";
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    if mantissa.starts_with('-') && mantissa.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        return Err(RANGE);
    }
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.len() > 15 {
        return Err("has more than 15 significant digits, which JSON numbers do not carry safely; send a string");
    }
    if significant.is_empty() {
        return Ok(0);
    }
    let exponent: i64 = exponent.parse().map_err(|_| RANGE)?;
    let shift = exponent.saturating_sub(fraction.len() as i64).saturating_add(4);
    let value: i64 = significant.parse().map_err(|_| RANGE)?;
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|n| 10_i64.checked_pow(n)).ok_or(RANGE)?;
    let units = if shift >= 0 {
        value.checked_mul(power).ok_or(RANGE)?
    } else if value % power == 0 {
        value / power
    } else {
        return Err(RANGE);
    };
    if units < 1_000_000_000_000 * SCALE { Ok(units) } else { Err(RANGE) }
}

/// At least two decimals, at most four.
fn write_units(units: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let (whole, decimals) = (units / SCALE.unsigned_abs(), units % SCALE.unsigned_abs());
    if decimals % 100 == 0 {
        write!(f, "{sign}{whole}.{:02}", decimals / 100)
    } else if decimals % 10 == 0 {
        write!(f, "{sign}{whole}.{:03}", decimals / 10)
    } else {
        write!(f, "{sign}{whole}.{decimals:04}")
    }
}

macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident, $example:literal, $canonical:expr, $pattern:expr, $most:literal, $graphql:literal, $description:literal, $input:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: $name = $name(0);

            /// From ten-thousandths, as stored.
            pub const fn from_units(units: i64) -> $name {
                $name(units)
            }

            /// In ten-thousandths, as stored.
            pub const fn units(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_units(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = FieldErrors;

            fn from_str(text: &str) -> Result<$name, FieldErrors> {
                units(text).map($name).ok_or_else(|| {
                    concat!("must be a decimal with up to 12 digits and up to 4 decimals, such as \"", $example, "\"").into()
                })
            }
        }

        impl Wire for $name {
            const GRAPHQL: &'static str = $graphql;

            fn describe(registry: &mut async_graphql::registry::Registry) {
                describe_scalar::<$name>(registry, $description, None);
            }

            // No `format`: of `decimal` generators make floats, or types that do not exist.
            fn openapi() -> MetaSchema {
                MetaSchema {
                    pattern: Some($canonical.into()),
                    example: Some($example.into()),
                    ..openapi_schema("string", "")
                }
            }

            fn openapi_in_query() -> MetaSchema {
                MetaSchema { pattern: Some($pattern.into()), ..Self::openapi() }
            }

            /// A number too, within the digits that JSON carries safely.
            fn openapi_in_body() -> MetaSchema {
                let number = MetaSchema { minimum: Some(0.0), maximum: Some($most), ..openapi_schema("number", "double") };
                let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
                MetaSchema {
                    title: Some(concat!(stringify!($name), "Input\n", $input).into()),
                    one_of: vec![inline(Self::openapi_in_query()), inline(number)],
                    ..MetaSchema::ANY
                }
            }

            fn parse(json: Json) -> Result<$name, FieldErrors> {
                let value = match json {
                    Json::Text(text) => text.parse()?,
                    Json::Number(digits) => $name(units_of_number(&digits)?),
                    other => return Err(format!("must be a decimal string, not {}", other.kind()).into()),
                };
                $name::bounded(value)
            }

            fn parse_graphql(json: Json) -> Result<$name, FieldErrors> {
                match json {
                    Json::Number(_) => Err(concat!("must be a decimal in a string, such as \"", $example, "\"").into()),
                    json => Self::parse(json),
                }
            }
        }

        on_every_surface!($name);
    };
}

fixed_point!(
    /// An amount or a rate in some currency, in ten-thousandths of its unit.
    Money,
    "150.00",
    CANONICAL,
    PATTERN,
    999999999999.999,
    "Money",
    "An amount of money as a decimal string with 2 to 4 decimals, such as \"150.00\"; never a float.",
    "Amount of money from 0 to 999999999999.9999: a decimal string such as `\"150.00\"`, or a JSON number of at most 15 \
     significant digits."
);
fixed_point!(
    /// A decimal that is not money: hours.
    Decimal,
    "40.00",
    CANONICAL,
    PATTERN,
    999999999999.999,
    "Decimal",
    "A decimal as a string with 2 to 4 decimals, such as \"40.00\"; never a float.",
    "Decimal with at most 4 decimals: a string such as `\"40.00\"`, or a JSON number of at most 15 significant digits."
);
fixed_point!(
    /// A percentage from 0 to 100.
    Percent,
    "7.70",
    r"^(100\.00|\d{1,2}\.\d{2,4})$",
    r"^(100(\.0{1,4})?|\d{1,2}(\.\d{1,4})?)$",
    100.0,
    "Decimal",
    "A decimal as a string with 2 to 4 decimals, such as \"40.00\"; never a float.",
    "Percentage from 0 to 100 with at most 4 decimals: a string such as `\"7.70\"`, or a JSON number."
);

impl Money {
    fn bounded(self) -> Result<Money, FieldErrors> {
        Ok(self)
    }
}

impl Decimal {
    fn bounded(self) -> Result<Decimal, FieldErrors> {
        Ok(self)
    }
}

impl Percent {
    fn bounded(self) -> Result<Percent, FieldErrors> {
        if self.0 <= 100 * SCALE { Ok(self) } else { Err("must be a percentage from 0 to 100".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Result<String, FieldErrors> {
        Money::parse(Json::Number(digits.into())).map(|money| money.to_string())
    }

    #[test]
    fn canonical_text_has_two_to_four_decimals() {
        for (sent, shown) in [
            ("150", "150.00"),
            ("0.1", "0.10"),
            ("0.0001", "0.0001"),
            ("1.230", "1.23"),
            ("1.2340", "1.234"),
            ("999999999999.9999", "999999999999.9999"),
            ("000000000001", "1.00"),
        ] {
            assert_eq!(sent.parse::<Money>().map(|money| money.to_string()), Ok(shown.into()), "{sent}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for sent in ["", ".5", "5.", "-1", "+1", "1e3", "1.23456", "1234567890123", " 1", "1,5", "٣", "NaN"] {
            assert!(sent.parse::<Money>().is_err(), "{sent}");
        }
    }

    #[test]
    fn numbers_are_read_by_their_digits() {
        assert_eq!(number("150"), Ok("150.00".into()));
        assert_eq!(number("0.1"), Ok("0.10".into()));
        assert_eq!(number("1.5e2"), Ok("150.00".into()));
        assert_eq!(number("15e-1"), Ok("1.50".into()));
        assert_eq!(number("-0"), Ok("0.00".into()));
        for refused in [
            "-1",
            "1.23456",
            "1e12",
            "1e400",
            "1e-400",
            "0.00001",
            "900719925474.0993",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "1e-9223372036854775808",
        ] {
            assert!(number(refused).is_err(), "{refused}");
        }
        assert_eq!(number("90071992547.0993"), Ok("90071992547.0993".into()));
        assert_eq!(number("999999999999.999"), Ok("999999999999.999".into()));
    }

    #[test]
    fn a_percentage_ends_at_a_hundred() {
        assert!(Percent::parse(Json::Text("100.0000".into())).is_ok());
        assert!(Percent::parse(Json::Text("100.0001".into())).is_err());
    }
}
