//! How many pings a client may send over a WebSocket: they are free, so that their number is bounded.

use std::time::Duration;

use tokio::time::Instant;

/// Pings that may come at once.
const BURST: u32 = 20;
/// How long it takes until one more may come.
const REFILL: Duration = Duration::from_secs(1);

/// The pings that may still come, as a bucket of tokens.
pub(super) struct Quota {
    left: u32,
    refilled_at: Instant,
}

impl Quota {
    /// A full bucket.
    pub(super) fn new() -> Quota {
        Quota { left: BURST, refilled_at: Instant::now() }
    }

    /// Takes one; false if there is none.
    pub(super) fn take(&mut self) -> bool {
        let periods = self.refilled_at.elapsed().as_millis() / REFILL.as_millis();
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        self.refilled_at += REFILL.saturating_mul(periods);
        self.left = self.left.saturating_add(periods).min(BURST);
        self.left.checked_sub(1).map(|left| self.left = left).is_some()
    }

    /// Gives one more, since the client is about to answer a ping of ours.
    pub(super) fn give(&mut self) {
        self.left = self.left.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pings_are_bounded_and_come_back_with_time() {
        let mut quota = Quota::new();
        assert!((0..BURST).all(|_| quota.take()) && !quota.take());
        tokio::time::advance(REFILL * 2).await;
        assert!(quota.take() && quota.take() && !quota.take());
    }
}
