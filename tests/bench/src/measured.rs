//! What the laboratory has measured, part by part, in `tests/bench/measured.json`. The page is made of all of it, so that a
//! part can be measured anew and the other figures stay.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::growth::Growth;
use crate::lab::Database;
use crate::plot;
use crate::report::Row;
use crate::rounds::{Spread, of, ratio};
use crate::servers::Who;
use crate::workloads::Workload;

/// All that was measured, the last time that it was.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Measured {
    /// By database, workload and server.
    workloads: BTreeMap<String, BTreeMap<String, BTreeMap<String, Figures>>>,
    /// What a request costs as something grows.
    growth: Vec<Growth>,
    /// By database.
    footprint: BTreeMap<String, Footprint>,
}

/// What a workload has shown of a server: medians of the rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    server: f64,
    database: f64,
    memory: f64,
    /// Statements and round trips per request, where they can be counted.
    passed: Option<(f64, f64)>,
    /// As multiples of the bare server's, in the same rounds.
    server_ratio: Option<Spread>,
    database_ratio: Option<Spread>,
    rate_ratio: Option<Spread>,
}

/// What the program takes besides time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Footprint {
    /// Milliseconds from its start to its first answer.
    pub start: f64,
    /// Its memory when idle, in MiB.
    pub idle: f64,
    /// The size of the program in MB.
    pub size: f64,
    /// Under the load of each workload.
    pub loaded: Vec<Loaded>,
}

/// What 64 connections make of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Loaded {
    /// The name of the workload.
    pub workload: String,
    /// The most memory, in MiB.
    pub peak: f64,
    /// The rate that the times are of, as a part of the top rate.
    pub rate: f64,
    /// Milliseconds of half of the answers.
    pub p50: f64,
    /// Milliseconds of all but one in a hundred.
    pub p99: f64,
}

/// MiB that it may have at most under load, and idle.
const PEAK: f64 = 96.0;
const IDLE: f64 = 40.0;
/// How many times the half's time the slowest hundredth may take.
const TAIL: f64 = 5.0;

impl Measured {
    /// What is known; nothing if the file is not there.
    ///
    /// # Errors
    /// If it is something else.
    pub fn read(file: &Path) -> Result<Measured, String> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| failed(&e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Measured::default()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| e.to_string())?;
        std::fs::write(file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))
    }

    /// Takes what was measured of workloads in place of what was known of them.
    pub fn take(&mut self, rows: &[Row]) {
        for row in rows {
            let servers = row.samples.keys().map(|who| (who.name().to_owned(), Figures::of(row, *who))).collect();
            let known = self.workloads.entry(row.database.name().into()).or_default();
            known.insert(row.workload.name().into(), servers);
        }
    }

    /// Takes what was measured of growth.
    pub fn take_growth(&mut self, growth: Vec<Growth>) {
        self.growth = growth;
    }

    /// Takes what was measured of a database's footprint; workloads that were not measured stay as they were.
    pub fn take_footprint(&mut self, database: Database, mut footprint: Footprint) {
        let known = self.footprint.entry(database.name().into()).or_default();
        for loaded in std::mem::take(&mut known.loaded) {
            if footprint.loaded.iter().all(|new| new.workload != loaded.workload) {
                footprint.loaded.push(loaded);
            }
        }
        footprint.loaded.sort_by_key(|loaded| Workload::ALL.iter().position(|of| of.name() == loaded.workload));
        *known = footprint;
    }

    /// Every workload that is known, in the order of the tables.
    fn rows(&self) -> impl Iterator<Item = (Database, Workload, &BTreeMap<String, Figures>)> {
        let pairs = Database::ALL.into_iter().flat_map(|of| Workload::ALL.map(|workload| (of, workload)));
        pairs.filter_map(|(of, workload)| Some((of, workload, self.workloads.get(of.name())?.get(workload.name())?)))
    }

    /// The table of ratios: what is promised, beside what is measured.
    pub fn ratios(&self) -> String {
        let mut text = String::from(
            "| database | workload | server, × bare | at most | database, × bare | at most | requests/s, × bare | Fastify: \
             server, × bare | Fastify: requests/s, × bare |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (database, workload, servers) in self.rows() {
            let (ours, peer) = (servers.get(Who::Ours.name()), servers.get(Who::Peer.name()));
            let bound = workload.bound(database);
            let cells = [
                times(ours.and_then(|of| of.server_ratio)),
                number(bound.map(|bound| bound.server)),
                times(ours.and_then(|of| of.database_ratio)),
                number(bound.and_then(|bound| bound.database)),
                times(ours.and_then(|of| of.rate_ratio)),
                times(peer.and_then(|of| of.server_ratio)),
                times(peer.and_then(|of| of.rate_ratio)),
            ];
            let _ = writeln!(text, "| {} | {} | {} |", database.name(), workload.title(), cells.join(" | "));
        }
        text
    }

    /// The table of figures: what this machine showed.
    pub fn figures(&self) -> String {
        let mut text = String::from(
            "| database | workload | server | requests/s | p50, ms | p99, ms | server CPU, µs | database CPU, µs | \
             statements | round trips | peak memory, MB |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (database, workload, servers) in self.rows() {
            for who in [Who::Bare, Who::Ours, Who::Peer] {
                let Some(Figures { rate, p50, p99, server, database: of, memory, passed, .. }) =
                    servers.get(who.name())
                else {
                    continue;
                };
                let count = |of: Option<f64>| of.map_or(String::from("–"), |n| format!("{n:.1}"));
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {rate:.0} | {p50:.2} | {p99:.2} | {server:.0} | {of:.0} | {} | {} | {memory:.0} |",
                    database.name(),
                    workload.title(),
                    who.name(),
                    count(passed.map(|passed| passed.0)),
                    count(passed.map(|passed| passed.1)),
                );
            }
        }
        text
    }

    /// The table of growth.
    pub fn grown(&self) -> String {
        let mut text =
            String::from("| what grows | from, to | server | database | at most |\n| --- | --- | --- | --- | --- |\n");
        for Growth { what, range, server, database, bound } in &self.growth {
            let (server, database, bound) = (times(Some(*server)), times(Some(*database)), number(*bound));
            let _ = writeln!(text, "| {what} | {range} | {server} | {database} | {bound} |");
        }
        text
    }

    /// The tables of start-up, memory and size.
    pub fn footprints(&self) -> String {
        let mut text = String::from(
            "| database | start to first answer, ms | memory when idle, MiB (at most 40) | size of the program, MB |\n\
             | --- | --- | --- | --- |\n",
        );
        for (database, Footprint { start, idle, size, .. }) in &self.footprint {
            let _ = writeln!(text, "| {database} | {start:.0} | {idle:.0} | {size:.1} |");
        }
        text += "\n| database | workload | peak memory at 64 connections, MiB (at most 96) | at this part of the top rate | p50, \
                 ms | p99, ms | p99 by p50 (at most 5) |\n| --- | --- | --- | --- | --- | --- | --- |\n";
        for (database, footprint) in &self.footprint {
            for Loaded { workload, peak, rate, p50, p99 } in &footprint.loaded {
                let (part, tail) = (rate * 100.0, p99 / p50);
                let title = Workload::ALL.iter().find(|of| of.name() == workload).map_or("", |of| of.title());
                let _ = writeln!(
                    text,
                    "| {database} | {title} | {peak:.0} | {part:.0} % | {p50:.2} | {p99:.2} | {tail:.1} |"
                );
            }
        }
        text
    }

    /// Every bound that is missed, in plain words.
    pub fn missed(&self) -> String {
        let mut missed = Vec::new();
        let mut compare = |what: String, now: Option<f64>, bound: Option<f64>| {
            if let (Some(now), Some(bound)) = (now, bound)
                && now > bound
            {
                missed.push(format!("- {what}: {now:.2} in place of {bound:.2}"));
            }
        };
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        for (database, workload, servers) in self.rows() {
            let Some(ours) = servers.get(Who::Ours.name()) else { continue };
            let name = format!("{}, {}", database.name(), workload.title());
            let bound = workload.bound(database);
            compare(format!("{name}, server, × bare"), median(ours.server_ratio), bound.map(|bound| bound.server));
            compare(format!("{name}, database, × bare"), median(ours.database_ratio), bound.and_then(|b| b.database));
            let rate = servers.get(Who::Peer.name()).map(|peer| peer.rate);
            compare(format!("{name}, requests/s of Fastify, beside ours"), rate, rate.map(|_| ours.rate));
        }
        for Growth { what, server, database, bound, .. } in &self.growth {
            compare(format!("{what}, server"), Some(server.median), *bound);
            compare(format!("{what}, database"), Some(database.median), *bound);
        }
        for (database, footprint) in &self.footprint {
            compare(format!("{database}, memory when idle, MiB"), Some(footprint.idle), Some(IDLE));
            for Loaded { workload, peak, p50, p99, .. } in &footprint.loaded {
                compare(format!("{database}, {workload}, peak memory, MiB"), Some(*peak), Some(PEAK));
                compare(format!("{database}, {workload}, p99 by p50"), Some(p99 / p50), Some(TAIL));
            }
        }
        match missed.is_empty() {
            true => "None.".to_owned(),
            false => missed.join("\n"),
        }
    }

    /// Draws the ratios of the servers' and the database's processor time, one chart a database and part.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn plots(&self, folder: &Path) -> Result<(), String> {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        type Figure = fn(&Figures) -> Option<Spread>;
        let charts: [(&str, Database, &str, Figure); 3] = [
            ("server-postgresql", Database::Postgres, "Server CPU per request on PostgreSQL", |of| of.server_ratio),
            ("database-postgresql", Database::Postgres, "Database CPU per request on PostgreSQL", |of| {
                of.database_ratio
            }),
            ("server-sqlite", Database::Sqlite, "Server CPU per request on SQLite", |of| of.server_ratio),
        ];
        for (name, database, title, figure) in charts {
            let rows = self.rows().filter(|(of, ..)| *of == database);
            let groups: Vec<_> = rows
                .map(|(_, workload, servers)| {
                    let value = |who: Who| servers.get(who.name()).and_then(figure).map(|spread| spread.median);
                    plot::Group { label: workload.name().into(), values: vec![value(Who::Ours), value(Who::Peer)] }
                })
                .collect();
            let svg =
                plot::bars(title, "multiples of the bare server (less is better)", &["Hoursmith", "Fastify"], &groups);
            let file = folder.join(format!("{name}.svg"));
            std::fs::write(&file, svg).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(())
    }
}

impl Figures {
    fn of(row: &Row, who: Who) -> Figures {
        let median = |figure: fn(&crate::rounds::Sample) -> f64| of(&row.samples, who, figure).median;
        Figures {
            rate: median(|sample| sample.seen.rate),
            p50: median(|sample| sample.seen.p50),
            p99: median(|sample| sample.seen.p99),
            server: median(|sample| sample.server),
            database: median(|sample| sample.database),
            memory: of(&row.samples, who, |sample| sample.memory).greatest,
            passed: row.passed.get(&who).copied(),
            server_ratio: row.server_ratio(who),
            database_ratio: row.database_ratio(who),
            rate_ratio: ratio(&row.samples, who, Who::Bare, |sample| sample.seen.rate),
        }
    }
}

/// `1.42 (1.38–1.51)`.
fn times(spread: Option<Spread>) -> String {
    match spread {
        Some(Spread { median, least, greatest }) if median > 0.0 => format!("{median:.2} ({least:.2}–{greatest:.2})"),
        _ => "–".into(),
    }
}

fn number(number: Option<f64>) -> String {
    number.map_or("–".into(), |number| number.to_string())
}
