//! Durations as people write them: `1h30m`, `1:30`, `90m`, `1.5h`.

use std::fmt;

use poem_openapi::registry::MetaSchema;

use super::Json;
use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};

/// A span of time in whole seconds, read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Duration(i32);

/// The forms that are read; also what the documents publish.
const PATTERN: &str =
    r"^(\d{1,4}:[0-5]\d(:[0-5]\d)?|\d{1,4}(\.\d{1,4})?h|(\d{1,4}h)?\d{1,6}m|(\d{1,4}h)?(\d{1,6}m)?\d{1,6}s)$";
const HOW: &str = "must be a duration such as 1h30m, 1:30, 90m or 1.5h";

impl Duration {
    /// In seconds.
    pub const fn seconds(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60, self.0 % 60)
    }
}

impl Wire for Duration {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        MetaSchema { pattern: Some(PATTERN.into()), example: Some("1h30m".into()), ..openapi_schema("string", "") }
    }

    fn parse(json: Json) -> Result<Duration, FieldErrors> {
        let text = match json {
            Json::Text(text) => text,
            Json::Number(_) => return Err(format!("{HOW}; for a number of seconds send durationSeconds").into()),
            other => return Err(format!("{HOW}, not {}", other.kind()).into()),
        };
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
        let seconds = clock(&compact).or_else(|| units(&compact)).ok_or(HOW)?;
        i32::try_from(seconds).map(Duration).map_err(|_| HOW.into())
    }
}

on_every_surface!(Duration);

fn number(digits: &str, longest: usize) -> Option<i64> {
    let plain = (1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// `1:30` and `1:30:15`: hours, minutes, seconds.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hours = number(parts.next()?, 4)?;
    let mut sixtieths = |part: &str| number(part, 2).filter(|n| part.len() == 2 && *n < 60);
    let minutes = sixtieths(parts.next()?)?;
    let seconds = parts.next().map_or(Some(0), &mut sixtieths)?;
    parts.next().is_none().then_some(hours * 3600 + minutes * 60 + seconds)
}

/// `1h30m`, `90m`, `45s`, and `1.5h`: to the nearest second.
fn units(text: &str) -> Option<i64> {
    if let Some((whole, decimals)) = text.strip_suffix('h').and_then(|hours| hours.split_once('.')) {
        let scale = 10_i64.pow(u32::try_from(decimals.len()).ok().filter(|n| *n <= 4)?);
        let tenths = number(whole, 4)? * scale + number(decimals, 4)?;
        return Some((tenths * 3600 + scale / 2) / scale);
    }
    let mut rest = text;
    let mut total = 0;
    for (unit, worth, longest) in [('h', 3600, 4), ('m', 60, 6), ('s', 1, 6)] {
        if let Some((digits, after)) = rest.split_once(unit) {
            total += number(digits, longest)? * worth;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_it() {
        for (text, seconds) in [
            ("1h30m", 5400),
            ("1:30", 5400),
            ("90m", 5400),
            ("1.5h", 5400),
            ("1 h 30 m", 5400),
            ("1H30M", 5400),
            ("0:05", 300),
            ("1:00:30", 3630),
            ("2h", 7200),
            ("45s", 45),
            ("1h30m15s", 5415),
            ("0.3333h", 1200),
            ("0m", 0),
            ("24h", 86_400),
        ] {
            assert_eq!(Duration::parse(Json::Text(text.into())).map(Duration::seconds), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "90", "-1h", "1:60", "1:5", "1.5m", "h", "1h30", "m30h", "30m1h", "1h1h", "1.h", ".5h", "١h", "1::30",
            "99999h",
        ] {
            assert!(Duration::parse(Json::Text(text.into())).is_err(), "{text}");
        }
    }
}
