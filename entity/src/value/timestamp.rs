//! Instants: stored as UTC milliseconds, read with the offset that they were sent with.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike, Utc};
use poem_openapi::registry::MetaSchema;
use sea_orm::DeriveValueType;

use super::wire::{FieldErrors, Wire, describe_scalar, on_every_surface, openapi_schema};
use super::{Date, Json};

/// An instant in milliseconds since 1970 in UTC; the same number in both databases, in cursors and in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last one whose year has four digits.
    pub const LAST: Timestamp = Timestamp(253_402_300_799_999);

    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Cuts to milliseconds.
    pub fn from_utc(instant: DateTime<Utc>) -> Timestamp {
        Timestamp(instant.timestamp_millis())
    }

    /// This instant, so many milliseconds later.
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp(self.0 + millis)
    }

    /// The UTC day that it falls on.
    pub fn date(self) -> Date {
        Date(self.utc().date_naive())
    }

    pub(super) fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?),
            None => self.utc().format(FORMAT).fmt(f),
        }
    }
}

impl Timestamp {
    /// Its text, if its year has four digits. Most responses hold several instants per record. The digits are written
    /// directly, because chrono's format strings are interpreted each time, which took a tenth of the time of a list.
    fn text(self) -> Option<[u8; 24]> {
        let utc = self.utc();
        let (date, time) = (utc.date_naive(), utc.time());
        let mut text = *b"0000-00-00T00:00:00.000Z";
        write_day(&mut text, date)?;
        write_digits(&mut text[11..13], time.hour());
        write_digits(&mut text[14..16], time.minute());
        write_digits(&mut text[17..19], time.second());
        write_digits(&mut text[20..23], time.nanosecond() / 1_000_000);
        Some(text)
    }
}

/// The form of an instant, as chrono writes it.
const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// Writes a day into the first ten characters of a text, if its year has four digits.
pub(super) fn write_day(text: &mut [u8], day: NaiveDate) -> Option<()> {
    let year = u32::try_from(day.year()).ok().filter(|year| *year <= 9999)?;
    write_digits(&mut text[0..4], year);
    write_digits(&mut text[5..7], day.month());
    write_digits(&mut text[8..10], day.day());
    Some(())
}

/// Fills the text with the decimal digits of a number that has no more of them.
fn write_digits(text: &mut [u8], mut number: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl FromStr for Timestamp {
    type Err = FieldErrors;

    fn from_str(text: &str) -> Result<Timestamp, FieldErrors> {
        text.parse::<Instant>().map(Instant::utc)
    }
}

/// An instant as a caller sent it, with its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instant(DateTime<FixedOffset>);

impl Instant {
    /// The same instant in UTC, cut to milliseconds.
    pub fn utc(self) -> Timestamp {
        Timestamp::from_utc(self.0.to_utc())
    }

    /// The date on a calendar at the place that the offset stands for.
    pub fn date(self) -> Date {
        Date(self.0.date_naive())
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Timestamp {
        instant.utc()
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.utc().fmt(f)
    }
}

/// In a query a `+` that was not escaped arrives as a space; before an offset nothing else can have been meant.
pub(super) fn plus_again(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((instant, offset)) if offset.len() == 5 && instant.contains(['T', 't']) => format!("{instant}+{offset}"),
        _ => text.to_owned(),
    }
}

impl FromStr for Instant {
    type Err = FieldErrors;

    fn from_str(text: &str) -> Result<Instant, FieldErrors> {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text)
            && (1..=9999).contains(&instant.year())
            && (1..=9999).contains(&instant.to_utc().year())
        {
            return Ok(Instant(instant));
        }
        let local = [("%Y-%m-%dT%H:%M:%S%.f", ""), ("%Y-%m-%dT%H:%M", ":00")];
        let local = local.iter().find(|(format, _)| NaiveDateTime::parse_from_str(text, format).is_ok());
        if let Some((_, seconds)) = local {
            let utc = format!("{text}{seconds}Z");
            return Err(format!("has no offset; append Z for UTC or an offset such as +01:00: {utc}").into());
        }
        Err("must be an instant with an offset, such as 2026-06-11T08:00:00Z or 2026-06-11T10:00:00+02:00".into())
    }
}

macro_rules! instant_on_the_wire {
    ($type:ident) => {
        impl Wire for $type {
            const GRAPHQL: &'static str = "DateTime";

            fn describe(registry: &mut async_graphql::registry::Registry) {
                let text = "An instant, rendered in UTC with three decimals; on input any offset, but always one.";
                describe_scalar::<$type>(registry, text, Some("https://www.rfc-editor.org/rfc/rfc3339"));
            }

            fn openapi() -> MetaSchema {
                MetaSchema { example: Some("2026-06-11T08:00:00.000Z".into()), ..openapi_schema("string", "date-time") }
            }

            fn serialize_text<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text = Timestamp::from(*self).text();
                match text.as_ref().and_then(|text| std::str::from_utf8(text).ok()) {
                    Some(text) => serializer.serialize_str(text),
                    None => serializer.collect_str(self),
                }
            }

            fn parse(json: Json) -> Result<$type, FieldErrors> {
                match json {
                    Json::Text(text) => text.parse(),
                    other => Err(format!("must be an instant in a string, not {}", other.kind()).into()),
                }
            }

            fn parse_text(text: &str) -> Result<$type, FieldErrors> {
                plus_again(text).parse()
            }
        }

        on_every_surface!($type);
    };
}

instant_on_the_wire!(Timestamp);
instant_on_the_wire!(Instant);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_converted_and_milliseconds_cut() {
        let instant: Instant = "2026-06-11T01:30:00.123987+02:00".parse().expect("an instant");
        assert_eq!(instant.to_string(), "2026-06-10T23:30:00.123Z");
        assert_eq!(instant.date().to_string(), "2026-06-11");
    }

    #[test]
    fn an_instant_without_offset_is_explained() {
        let problem = "2026-06-11T08:00:00".parse::<Instant>().expect_err("no offset");
        assert!(problem.to_string().contains("no offset"), "{problem}");
    }

    #[test]
    fn instants_are_written_as_chrono_writes_them() {
        let around = |millis: i64| (-2..=2).map(move |more| millis + more);
        let steps = (-70_000_000_000_000..=260_000_000_000_000).step_by(987_654_321_987);
        for millis in steps.flat_map(around).chain(around(0)).chain(around(Timestamp::LAST.millis())) {
            let instant = Timestamp::from_millis(millis);
            assert_eq!(instant.to_string(), instant.utc().format(FORMAT).to_string());
        }
        assert_eq!(Timestamp::from_millis(1_781_164_800_007).to_string(), "2026-06-11T08:00:00.007Z");
    }

    #[test]
    fn years_beyond_four_digits_are_refused() {
        for refused in ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "+10000-01-01T00:00:00Z", "now", ""] {
            assert!(refused.parse::<Instant>().is_err(), "{refused}");
        }
    }
}
