//! Calendar dates, and bounds that are a date or an instant.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Duration, NaiveDate, NaiveTime};
use poem_openapi::registry::MetaSchema;
use sea_orm::DeriveValueType;

use super::timestamp::{plus_again, write_day};
use super::wire::{FieldErrors, Wire, describe_scalar, on_every_surface, openapi_schema};
use super::{Instant, Json, Timestamp};

/// A day of the Gregorian calendar, years 1 to 9999, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Date(pub NaiveDate);

/// 0001-01-01 and 9999-12-31, in days since 1970.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

impl Date {
    /// The date so many days after 1970-01-01; what lies outside the years 1 to 9999 is the first or the last of their
    /// days.
    pub fn of_day(days: i64) -> Date {
        let days = i32::try_from(days.clamp(FIRST_DAY, LAST_DAY)).unwrap_or_default();
        Date(NaiveDate::from_epoch_days(days).unwrap_or_default())
    }

    /// The days since 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.to_epoch_days().into()
    }

    /// The first instant of this day in UTC.
    pub fn start(self) -> Timestamp {
        Timestamp::from_utc(self.0.and_time(NaiveTime::MIN).and_utc())
    }

    /// The last millisecond of this day in UTC.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis(self.start().millis() + Duration::days(1).num_milliseconds() - 1)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Date {
    type Err = FieldErrors;

    fn from_str(text: &str) -> Result<Date, FieldErrors> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        if !shaped {
            return Err("must be a date such as 2026-06-11".into());
        }
        match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) if date.year() >= 1 => Ok(Date(date)),
            _ => Err(format!("{text} is not a day of the calendar").into()),
        }
    }
}

impl Wire for Date {
    const GRAPHQL: &'static str = "Date";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        describe_scalar::<Date>(registry, "A calendar day, YYYY-MM-DD.", None);
    }

    fn openapi() -> MetaSchema {
        // No pattern beside the format: generated clients match it against the date that they have parsed.
        MetaSchema { example: Some("2026-06-11".into()), ..openapi_schema("string", "date") }
    }

    fn serialize_text<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = *b"0000-00-00";
        match (write_day(&mut text, self.0), std::str::from_utf8(&text)) {
            (Some(()), Ok(text)) => serializer.serialize_str(text),
            _ => serializer.collect_str(self),
        }
    }

    fn parse(json: Json) -> Result<Date, FieldErrors> {
        match json {
            Json::Text(text) => text.parse(),
            other => Err(format!("must be a date such as \"2026-06-11\", not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(Date);

/// A bound of a range of instants: a whole UTC day or an exact instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateOrDateTime {
    /// A day: its first instant as a lower bound, its last as an upper bound.
    Date(Date),
    /// An instant.
    DateTime(Timestamp),
}

impl DateOrDateTime {
    /// The first instant that a lower bound lets in.
    pub fn from(self) -> Timestamp {
        match self {
            DateOrDateTime::Date(date) => date.start(),
            DateOrDateTime::DateTime(instant) => instant,
        }
    }

    /// The last instant that an upper bound lets in.
    pub fn to(self) -> Timestamp {
        match self {
            DateOrDateTime::Date(date) => date.end(),
            DateOrDateTime::DateTime(instant) => instant,
        }
    }
}

impl fmt::Display for DateOrDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DateOrDateTime::Date(date) => date.fmt(f),
            DateOrDateTime::DateTime(instant) => instant.fmt(f),
        }
    }
}

impl Wire for DateOrDateTime {
    const GRAPHQL: &'static str = "DateOrDateTime";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        let text = "A bound of a range: an instant with an offset, or a date, which stands for its whole UTC day.";
        describe_scalar::<DateOrDateTime>(registry, text, None);
    }

    fn openapi() -> MetaSchema {
        MetaSchema {
            title: Some(
                "DateOrDateTime\nBound of a range of instants: a day (`2026-06-11`, which stands for its whole UTC day) or an \
                 instant with an offset (`2026-06-11T08:00:00Z`)."
                    .into(),
            ),
            // An empty parameter of a query counts as not sent.
            pattern: Some(r"^(\d{4}-\d{2}-\d{2}([Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))?)?$".into()),
            ..openapi_schema("string", "")
        }
    }

    fn parse(json: Json) -> Result<DateOrDateTime, FieldErrors> {
        match json {
            Json::Text(text) if text.len() == 10 => match text.parse() {
                Ok(date) => Ok(DateOrDateTime::Date(date)),
                Err(wrong) => Err(format!("{wrong}, or an instant such as 2026-06-11T08:00:00Z").into()),
            },
            Json::Text(text) => Ok(DateOrDateTime::DateTime(text.parse::<Instant>()?.utc())),
            other => Err(format!("must be a date or an instant in a string, not {}", other.kind()).into()),
        }
    }

    fn parse_text(text: &str) -> Result<DateOrDateTime, FieldErrors> {
        Self::parse(Json::Text(plus_again(text)))
    }
}

on_every_surface!(DateOrDateTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_days_of_four_digit_years() {
        assert_eq!("2024-02-29".parse::<Date>().map(|d| d.to_string()), Ok("2024-02-29".into()));
        for refused in ["2026-02-30", "2025-02-29", "0000-01-01", "2026-6-1", "2026-06-11 ", "+2026-06-1", "20260611"] {
            assert!(refused.parse::<Date>().is_err(), "{refused}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        for (days, date) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (FIRST_DAY, "0001-01-01"),
            (LAST_DAY, "9999-12-31"),
            (i64::MIN, "0001-01-01"),
            (i64::MAX, "9999-12-31"),
        ] {
            let read = Date::of_day(days);
            assert_eq!(read.to_string(), date);
            assert_eq!(read.day(), days.clamp(FIRST_DAY, LAST_DAY));
        }
    }

    #[test]
    fn a_date_bound_is_its_whole_utc_day() {
        let bound = DateOrDateTime::parse_text("2026-06-11").expect("a date");
        assert_eq!(bound.from().to_string(), "2026-06-11T00:00:00.000Z");
        assert_eq!(bound.to().to_string(), "2026-06-11T23:59:59.999Z");
    }
}
