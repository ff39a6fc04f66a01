//! The span of a time entry: a duration, or two instants from which it follows. One set of rules for all writes.

use entity::time_entry;
use entity::value::{FieldErrors, Timestamp};

/// A day, in seconds: the longest entry.
pub(super) const LONGEST: i32 = 24 * 60 * 60;

/// Told with every wrong span, since a forgotten offset is what most of them come from.
const OFFSETS: &str =
    "instants are read with their offset, so send local times with one, such as 2026-06-11T10:00:00+02:00";

/// The seconds between two instants, or what is wrong with them.
pub(super) fn between(start: Timestamp, stop: Timestamp) -> Result<i32, FieldErrors> {
    if stop < start {
        let told = format!("the entry would stop at {stop}, before it starts at {start} (UTC); {OFFSETS}");
        return Err(FieldErrors::at("stoppedAt", told));
    }
    let millis = stop.millis() - start.millis();
    match i32::try_from(millis / 1000) {
        Ok(seconds) if millis <= i64::from(LONGEST) * 1000 => Ok(seconds),
        _ => {
            let told = format!("the entry would last over 24 hours, from {start} to {stop} (UTC); {OFFSETS}");
            Err(FieldErrors::at("stoppedAt", told))
        }
    }
}

/// Puts two instants into a row, and the duration that follows.
pub(super) fn set_instants(row: &mut time_entry::Model, start: Timestamp, stop: Timestamp) -> Result<(), FieldErrors> {
    row.duration_seconds = Some(between(start, stop)?);
    row.started_at = Some(start);
    row.stopped_at = Some(stop);
    Ok(())
}

/// Puts a duration, sent in this field, into a row; where there are instants, the stop moves.
pub(super) fn set_duration(row: &mut time_entry::Model, field: &str, seconds: i32) -> Result<(), FieldErrors> {
    row.duration_seconds = Some(seconds);
    if let Some(start) = row.started_at {
        let stop = start.plus_millis(i64::from(seconds) * 1000);
        if stop > Timestamp::LAST {
            return Err(FieldErrors::at(field, format!("the entry would stop after {}", Timestamp::LAST)));
        }
        row.stopped_at = Some(stop);
    }
    Ok(())
}

/// Whether a duration is one that an entry can have.
pub(super) fn check_duration(field: &str, seconds: i32, problems: &mut FieldErrors) {
    if seconds < 0 {
        problems.add(field, "must not be negative");
    } else if seconds > LONGEST {
        problems.add(field, format!("must be at most 24 hours ({LONGEST} seconds); split longer work by day"));
    }
}
