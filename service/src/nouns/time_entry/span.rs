//! The span of a time entry: a duration, or two instants from which the duration follows. All writes share these rules.

use entity::time_entry;
use entity::value::{FieldErrors, Timestamp};

/// The longest entry: 24 hours, in seconds.
pub(super) const LONGEST: i32 = 24 * 60 * 60;

/// Added to every error about a span, since most of them come from a forgotten offset.
const OFFSETS: &str =
    "instants are read with their offset, so send local times with one, such as 2026-06-11T10:00:00+02:00";

/// The seconds between two instants, or what is wrong with them.
pub(super) fn between(start: Timestamp, stop: Timestamp) -> Result<i32, FieldErrors> {
    if stop < start {
        let message = format!("the entry would stop at {stop}, before it starts at {start} (UTC); {OFFSETS}");
        return Err(FieldErrors::at("stoppedAt", message));
    }
    let millis = stop.millis() - start.millis();
    match i32::try_from(millis / 1000) {
        Ok(seconds) if millis <= i64::from(LONGEST) * 1000 => Ok(seconds),
        _ => {
            let message = format!("the entry would last over 24 hours, from {start} to {stop} (UTC); {OFFSETS}");
            Err(FieldErrors::at("stoppedAt", message))
        }
    }
}

/// Sets both instants of a row, and the duration that follows from them.
pub(super) fn set_instants(row: &mut time_entry::Model, start: Timestamp, stop: Timestamp) -> Result<(), FieldErrors> {
    row.duration_seconds = Some(between(start, stop)?);
    row.started_at = Some(start);
    row.stopped_at = Some(stop);
    Ok(())
}

/// Sets the duration of a row, which was sent in this field; the stop of an entry with instants moves.
pub(super) fn set_duration(row: &mut time_entry::Model, field: &str, seconds: i32) -> Result<(), FieldErrors> {
    row.duration_seconds = Some(seconds);
    row.stopped_at = None;
    if let Some(start) = row.started_at {
        let stop = start.plus_millis(i64::from(seconds) * 1000);
        if stop > Timestamp::LAST {
            return Err(FieldErrors::at(field, format!("the entry would stop after {}", Timestamp::LAST)));
        }
        row.stopped_at = Some(stop);
    }
    Ok(())
}

/// How far the clock of a client may be ahead of ours, in milliseconds.
const SKEW: i64 = 60_000;

/// Refuses a start of a running timer that lies in the future: its time would be lost when it is stopped.
pub(super) fn check_running_start(start: Timestamp, now: Timestamp) -> Result<(), FieldErrors> {
    if start.millis() <= now.millis() + SKEW {
        return Ok(());
    }
    let message = format!("a running timer cannot start in the future: {start} is after {now} (UTC); {OFFSETS}");
    Err(FieldErrors::at("startedAt", message))
}

/// Refuses a start of a new timer that lies in the future or more than 24 hours back.
pub(super) fn check_new_start(start: Timestamp, now: Timestamp) -> Result<(), FieldErrors> {
    check_running_start(start, now)?;
    if now.millis() - start.millis() <= i64::from(LONGEST) * 1000 {
        return Ok(());
    }
    let message = format!("a timer can start at most 24 hours ago: {start} is too long before {now} (UTC); {OFFSETS}");
    Err(FieldErrors::at("startedAt", message))
}

/// The end of a timer that is stopped at an instant: no later than 24 hours after its start. A stop up to a minute before
/// the start is the start itself, since clocks differ.
pub(super) fn stop_of(start: Timestamp, at: Timestamp) -> Timestamp {
    let early = at < start && start.millis() - at.millis() <= SKEW;
    if early { start } else { at.min(start.plus_millis(i64::from(LONGEST) * 1000)) }
}

/// Whether a duration is one that an entry can have.
pub(super) fn check_duration(field: &str, seconds: i32, problems: &mut FieldErrors) {
    if seconds < 0 {
        problems.add(field, "must not be negative");
    } else if seconds > LONGEST {
        problems.add(field, format!("must be at most 24 hours ({LONGEST} seconds); split longer work by day"));
    }
}
