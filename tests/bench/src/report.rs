//! What a workload has shown, in a line; and the committed ratios that the quick check compares with.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::lab::Database;
use crate::rounds::{Samples, Spread, of, ratio};
use crate::servers::Who;
use crate::wire::Passed;
use crate::workloads::Workload;

/// What was measured of a workload on a database.
pub struct Row {
    /// On which database.
    pub database: Database,
    /// What was asked.
    pub workload: Workload,
    /// Round by round.
    pub samples: Samples,
    /// Statements and round trips of each server per request, where they can be counted.
    pub passed: BTreeMap<Who, (f64, f64)>,
}

/// Statements and round trips per request.
pub fn per_request(before: Passed, after: Passed, requests: u64) -> (f64, f64) {
    let each = |from: u64, to: u64| (to - from) as f64 / requests as f64;
    (each(before.statements, after.statements), each(before.round_trips, after.round_trips))
}

impl Row {
    /// The servers that were measured, the bare one first.
    fn who(&self) -> impl Iterator<Item = Who> {
        self.samples.keys().copied()
    }

    /// The server's processor time as a multiple of bare.
    pub fn server_ratio(&self, who: Who) -> Option<Spread> {
        ratio(&self.samples, who, Who::Bare, |sample| sample.server)
    }

    /// The database's.
    pub fn database_ratio(&self, who: Who) -> Option<Spread> {
        match self.database {
            Database::Postgres => ratio(&self.samples, who, Who::Bare, |sample| sample.database),
            Database::Sqlite => None,
        }
    }

    /// One line for the terminal.
    pub fn line(&self) -> String {
        let mut text = format!("{:10} {:14}", self.database.name(), self.workload.name());
        for who in self.who() {
            let median = |figure: fn(&crate::rounds::Sample) -> f64| of(&self.samples, who, figure).median;
            let (server, database) = (median(|s| s.server), median(|s| s.database));
            let _ = write!(text, " | {}: {server:.0} + {database:.0} µs, {:.0}/s", who.name(), median(|s| s.seen.rate));
            if who != Who::Bare {
                let x = |ratio: Option<Spread>| ratio.map_or(String::from("–"), |r| format!("{:.2}", r.median));
                let _ = write!(text, " [{} / {}]", x(self.server_ratio(who)), x(self.database_ratio(who)));
            }
        }
        text
    }
}

/// Puts a text between the marks of a section of a page, and leaves the rest as people wrote it.
///
/// # Errors
/// If the page or the marks are not there.
pub fn put(page: &Path, section: &str, text: &str) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", page.display());
    let before = std::fs::read_to_string(page).map_err(failed)?;
    let (begin, end) = (format!("<!-- bench: {section} -->\n"), format!("<!-- bench: end of {section} -->"));
    let from = before.find(&begin).ok_or_else(|| format!("{} has no mark {begin}", page.display()))? + begin.len();
    let to = before.find(&end).ok_or_else(|| format!("{} has no mark {end}", page.display()))?;
    std::fs::write(page, format!("{}\n{}\n{}", &before[..from], text.trim_end(), &before[to..])).map_err(failed)
}

/// Ratios to bare, by database and workload: what the quick check compares with.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Committed(pub BTreeMap<String, BTreeMap<String, Ratio>>);

/// Processor time as a multiple of that of the bare server.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Ratio {
    /// The server's.
    pub server: f64,
    /// The database's; none where it is within the server.
    pub database: Option<f64>,
}

impl Committed {
    /// Of these rows.
    pub fn of(rows: &[Row]) -> Committed {
        let mut all = Committed::default();
        let round = |spread: Spread| (spread.median * 100.0).round() / 100.0;
        for row in rows {
            let Some(server) = row.server_ratio(Who::Ours).map(round) else { continue };
            let ratio = Ratio { server, database: row.database_ratio(Who::Ours).map(round) };
            all.0.entry(row.database.name().into()).or_default().insert(row.workload.name().into(), ratio);
        }
        all
    }

    /// # Errors
    /// If the file is not there or is something else.
    pub fn read(file: &Path) -> Result<Committed, String> {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| e.to_string())?;
        std::fs::write(file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))
    }

    /// One of them alone.
    pub fn only(&self, database: Database, workload: Workload) -> Committed {
        let mut one = Committed::default();
        if let Some(ratio) = self.0.get(database.name()).and_then(|all| all.get(workload.name())) {
            one.0.entry(database.name().into()).or_default().insert(workload.name().into(), *ratio);
        }
        one
    }

    /// Takes what another measurement has found less of.
    pub fn take_lesser(&mut self, other: &Committed) {
        for (database, workloads) in &other.0 {
            for (workload, theirs) in workloads {
                if let Some(ours) = self.0.get_mut(database).and_then(|all| all.get_mut(workload)) {
                    ours.server = ours.server.min(theirs.server);
                    ours.database = ours.database.zip(theirs.database).map(|(ours, theirs)| ours.min(theirs));
                }
            }
        }
    }

    /// What of these is more than `factor` times what is committed.
    pub fn exceeded(&self, now: &Committed, factor: f64) -> Vec<String> {
        let mut exceeded = Vec::new();
        for (database, workloads) in &now.0 {
            for (workload, ratio) in workloads {
                let Some(committed) = self.0.get(database).and_then(|all| all.get(workload)) else {
                    exceeded.push(format!("{database}, {workload}: no ratio is committed"));
                    continue;
                };
                let parts = [
                    ("server", Some(ratio.server), Some(committed.server)),
                    ("database", ratio.database, committed.database),
                ];
                for (part, now, then) in parts {
                    if let (Some(now), Some(then)) = (now, then)
                        && now > then * factor
                    {
                        exceeded.push(format!("{database}, {workload}, {part}: {now:.2} × bare, committed {then:.2}"));
                    }
                }
            }
        }
        exceeded
    }
}
