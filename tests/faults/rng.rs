//! A random source that can be repeated: the same seed gives the same choices.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Rng(u64);

impl Rng {
    /// A source from a seed and a stream number, so that several sources differ.
    pub fn new(seed: u64, stream: u64) -> Rng {
        Rng(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in one of `n` cases.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// `HOURSMITH_FAULTS_SEED`, or a new seed; the report contains it.
pub fn seed() -> u64 {
    match std::env::var("HOURSMITH_FAULTS_SEED") {
        Ok(seed) => seed.parse().expect("HOURSMITH_FAULTS_SEED is a number"),
        Err(_) => RandomState::new().hash_one(0) % 1_000_000,
    }
}
