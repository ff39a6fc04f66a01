//! Rounds: each server is loaded for a second, in turn, in an order that rotates, so that what the machine does besides
//! falls on all of them. What counts is the median of the ratios within each round.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cpu::{self, Cores};
use crate::load::{self, Load, Request, Seen};
use crate::servers::{Server, Who};

/// Connections of an ordinary load.
pub const CONNECTIONS: u32 = 16;

/// What one round of one server has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// What the load saw.
    pub seen: Seen,
    /// Microseconds of the server's processor time per request.
    pub server: f64,
    /// The same of the database.
    pub database: f64,
    /// The most memory of the server, in megabytes.
    pub memory: f64,
}

/// Samples of each server, round by round.
pub type Samples = BTreeMap<Who, Vec<Sample>>;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds.
    pub rounds: usize,
    /// Seconds of each.
    pub seconds: u32,
    /// Connections of the load.
    pub connections: u32,
}

/// A server with what it is asked.
pub struct Side<'a> {
    /// The server.
    pub server: &'a Server,
    /// Its requests.
    pub requests: Vec<Request>,
}

/// Loads all sides, round by round. `database` is the process of PostgreSQL's server.
///
/// # Errors
/// If a server refuses something, or `wrk` does not run.
pub fn measure(
    folder: &Path,
    cores: Cores,
    database: Option<u32>,
    sides: &[Side],
    effort: Effort,
) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut effort = effort;
    // The first second fills caches and plans, and is nobody's.
    for side in sides {
        let first = one(folder, cores, database, side, Effort { seconds: 1, ..effort })?;
        // What takes so long that a second sees few answers is asked for longer, by fewer at once.
        if first.seen.requests < 5.0 * f64::from(effort.connections) && effort.connections <= CONNECTIONS {
            effort = Effort { seconds: effort.seconds.max(3), connections: 4, ..effort };
        }
    }
    for round in 0..effort.rounds {
        for turn in 0..sides.len() {
            let side = &sides[(round + turn) % sides.len()];
            samples.entry(side.server.who).or_default().push(one(folder, cores, database, side, effort)?);
        }
    }
    Ok(samples)
}

fn one(folder: &Path, cores: Cores, database: Option<u32>, side: &Side, effort: Effort) -> Result<Sample, String> {
    let pid = side.server.pid();
    cpu::forget_peak(pid);
    let used = || (cpu::time_of(pid), database.map(cpu::times_of_family).unwrap_or_default());
    let before = used();
    let load = Load { connections: effort.connections, seconds: effort.seconds, pause: None, core: cores.load };
    let seen = load::run(folder, side.server.port, &side.requests, load)?;
    let after = used();
    if seen.failed > 0 {
        return Err(format!("{} has refused or broken {} requests", side.server.who.name(), seen.failed));
    }
    let each = |used: Duration| used.as_secs_f64() * 1e6 / seen.requests;
    let memory = cpu::peak_memory(pid);
    Ok(Sample {
        seen,
        server: each(after.0.saturating_sub(before.0)),
        database: each(cpu::used_since(&before.1, &after.1)),
        memory,
    })
}

/// A median with the least and the greatest.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Spread {
    /// Half are below.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// Of some numbers; zeros of none.
pub fn spread(numbers: impl IntoIterator<Item = f64>) -> Spread {
    let mut all: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    match all[..] {
        [] => Spread::default(),
        [least, ..] => Spread { median: all[all.len() / 2], least, greatest: all[all.len() - 1] },
    }
}

/// Of one figure of a server.
pub fn of(samples: &Samples, who: Who, figure: impl Fn(&Sample) -> f64) -> Spread {
    spread(samples.get(&who).into_iter().flatten().map(figure))
}

/// Of one figure of a server beside the same of another in the same rounds.
pub fn ratio(samples: &Samples, who: Who, beside: Who, figure: impl Fn(&Sample) -> f64) -> Option<Spread> {
    let (ours, theirs) = (samples.get(&who)?, samples.get(&beside)?);
    Some(spread(ours.iter().zip(theirs).map(|(one, other)| figure(one) / figure(other))))
}
