//! When a failed delivery is attempted again: a pure function of the number of attempts, a random number for jitter, and
//! the receiver's `Retry-After`.

use std::time::Duration;

/// The gap after each failed attempt, in seconds: eight attempts in about 32.6 hours.
const GAPS: [u64; 7] = [5, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 24 * 3600];
/// The largest part by which a gap is stretched or shortened, so that deliveries that failed together are not attempted
/// again together.
const JITTER: f64 = 0.1;

/// The most attempts of one delivery.
pub const ATTEMPTS: usize = GAPS.len() + 1;

/// The wait after this many failed attempts; none after the last. `random` lies between 0 and 1. `Retry-After` may postpone
/// the next attempt, but not beyond the next step.
pub fn wait(failed: usize, random: f64, retry_after: Option<Duration>) -> Option<Duration> {
    let seconds = |index: usize| GAPS.get(index).copied().map(Duration::from_secs);
    let gap = seconds(failed.checked_sub(1)?)?;
    let next = seconds(failed).unwrap_or(gap);
    let jittered = gap.mul_f64(1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0));
    Some(retry_after.map_or(jittered, |asked| jittered.max(asked.min(next))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_sends_in_about_thirty_two_and_a_half_hours() {
        let total: Duration = (1..ATTEMPTS).map_while(|failed| wait(failed, 0.5, None)).sum();
        assert_eq!((total.as_secs(), ATTEMPTS), (117_365, 8));
        assert_eq!((wait(0, 0.5, None), wait(8, 0.5, None)), (None, None));
    }

    #[test]
    fn jitter_moves_a_gap_by_a_tenth_at_most() {
        assert_eq!(wait(1, 0.0, None), Some(Duration::from_millis(4500)));
        assert_eq!(wait(1, 1.0, None), Some(Duration::from_millis(5500)));
    }

    #[test]
    fn the_receiver_may_postpone_up_to_the_next_step_and_never_hasten() {
        let asked = |failed, seconds| wait(failed, 0.5, Some(Duration::from_secs(seconds))).map(|wait| wait.as_secs());
        assert_eq!(asked(1, 0), Some(5));
        assert_eq!(asked(1, 30), Some(30));
        assert_eq!(asked(1, 3600), Some(60));
        assert_eq!(asked(7, 999_999), Some(24 * 3600));
    }
}
