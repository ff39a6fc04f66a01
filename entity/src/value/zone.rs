//! Time zones, by their IANA names: where somebody is, when all that is known is the instant.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Offset;
use chrono_tz::Tz;
use poem_openapi::registry::MetaSchema;

use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};
use super::{Date, Json, Timestamp};

/// A time zone such as `Europe/Helsinki`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(Tz);

/// An offset of a zone: the instant from which it holds, and how far its clocks are ahead of UTC, in milliseconds.
pub type ZoneOffset = (Timestamp, i64);

/// The years in which zones change their clocks, as far as is known or laid down; before and after, nothing changes.
const FIRST_CHANGE: i64 = -4_418_064_000_000;
const LAST_CHANGE: i64 = 4_133_980_800_000;
/// No zone changes its clocks twice within a day.
const DAY: i64 = 86_400_000;

static OFFSETS: Mutex<Option<HashMap<Tz, Arc<[ZoneOffset]>>>> = Mutex::new(None);

impl TimeZone {
    /// UTC.
    pub const UTC: TimeZone = TimeZone(Tz::UTC);

    /// Every offset that the zone has had or will have, in order; the first holds since ever.
    pub fn offsets(self) -> Arc<[ZoneOffset]> {
        let mut known = OFFSETS.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().entry(self.0).or_insert_with(|| self.find_offsets().into()).clone()
    }

    /// Looks at each day, and where the offset has changed, for the millisecond of the change.
    fn find_offsets(self) -> Vec<ZoneOffset> {
        let (mut at, mut offset) = (FIRST_CHANGE, self.offset(FIRST_CHANGE));
        let mut offsets = vec![(Timestamp::from_millis(i64::MIN), offset)];
        while at < LAST_CHANGE {
            let next = at + DAY;
            if self.offset(next) != offset {
                let (mut before, mut after) = (at, next);
                while after - before > 1 {
                    let middle = before + (after - before) / 2;
                    if self.offset(middle) == offset { before = middle } else { after = middle }
                }
                offset = self.offset(next);
                offsets.push((Timestamp::from_millis(after), offset));
            }
            at = next;
        }
        offsets
    }

    fn offset(self, millis: i64) -> i64 {
        let at = Timestamp::from_millis(millis).utc().with_timezone(&self.0);
        i64::from(at.offset().fix().local_minus_utc()) * 1000
    }

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

    fn parse(json: Json) -> Result<TimeZone, FieldErrors> {
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

    #[test]
    fn offsets_are_those_of_every_instant() {
        for zone in
            ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
        {
            let zone = TimeZone::parse_text(zone).expect("a zone");
            let offsets = zone.offsets();
            assert!(offsets.is_sorted_by_key(|(since, _)| *since));
            // Every 11 hours and some, over 230 years.
            for step in 0..180_000 {
                let at = FIRST_CHANGE + step * 40_271_123;
                let after = offsets.partition_point(|(since, _)| since.millis() <= at);
                assert_eq!(offsets[after - 1].1, zone.offset(at), "{zone} at {}", Timestamp::from_millis(at));
            }
        }
        assert_eq!(TimeZone::UTC.offsets().len(), 1);
    }
}
