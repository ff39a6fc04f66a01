//! Time zones, by their IANA names: where somebody is, when all that is known is the instant.

use std::fmt;

use chrono_tz::Tz;
use poem_openapi::registry::MetaSchema;

use super::wire::{Problems, Wire, on_every_surface, openapi_schema};
use super::{Date, Json, Timestamp};

/// A time zone such as `Europe/Helsinki`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// The day that it is there at an instant.
    pub fn date(self, at: Timestamp) -> Date {
        Date(at.utc().with_timezone(&self.0).date_naive())
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Wire for TimeZone {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        MetaSchema { example: Some("Europe/Helsinki".into()), ..openapi_schema("string", "") }
    }

    fn parse(json: Json) -> Result<TimeZone, Problems> {
        match json {
            Json::Text(text) => {
                let zone = text.trim().parse().map_err(|_| "must be an IANA time zone such as Europe/Helsinki");
                Ok(TimeZone(zone?))
            }
            other => Err(format!("must be a time zone in a string, not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(TimeZone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_depends_on_the_place() {
        let at: Timestamp = "2026-06-11T22:30:00Z".parse().expect("an instant");
        let date = |zone: &str| TimeZone::parse_text(zone).map(|zone| zone.date(at).to_string());
        assert_eq!(date("Europe/Helsinki"), Ok("2026-06-12".into()));
        assert_eq!(date("America/New_York"), Ok("2026-06-11".into()));
        assert!(date("Europe/Nowhere").is_err());
    }
}
