//! The two runs: the whole laboratory, and the quick check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::cpu::Cores;
use crate::footprint;
use crate::growth::Lab;
use crate::lab::{Database, Ground, deep_cursor, same_answers};
use crate::load::Request;
use crate::measured::Measured;
use crate::profile;
use crate::report::{self, Committed, Row};
use crate::rounds::{CONNECTIONS, Effort, Side, measure};
use crate::rows::Size;
use crate::servers::{Programs, Server, Who};
use crate::wire;
use crate::workloads::Workload;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The databases.
    pub databases: Vec<Database>,
    /// The workloads; all that the run has, unless some are named.
    pub only: Vec<Workload>,
    /// Rounds, if another number than usual.
    pub rounds: Option<usize>,
    /// Whether the page, or the committed ratios, are written anew.
    pub write: bool,
    /// The parts of the laboratory that are measured; all of them, unless some are named.
    pub parts: Vec<Part>,
    /// Whether nothing is compared with what is committed.
    pub print: bool,
    /// Whether the large data is made small, to try the laboratory itself.
    pub small: bool,
}

/// A part of the laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What the workloads cost beside the bare server and the peer.
    Ratios,
    /// What a request costs as something grows; on PostgreSQL.
    Growth,
    /// Start-up, memory and size.
    Footprint,
}

impl Part {
    const ALL: [(&'static str, Part); 3] =
        [("ratios", Part::Ratios), ("growth", Part::Growth), ("footprint", Part::Footprint)];
}

impl Options {
    /// Reads `--only a,b`, `--part growth`, `--database sqlite`, `--rounds 9`, `--write`, `--print`, `--small`.
    ///
    /// # Errors
    /// For anything else.
    pub fn read(arguments: &[&str]) -> Result<Options, String> {
        let (databases, only, parts) = (Database::ALL.to_vec(), vec![], vec![]);
        let mut options = Options { databases, only, parts, rounds: None, write: false, print: false, small: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().copied().ok_or_else(|| format!("{argument} needs a value"));
            match *argument {
                "--write" => options.write = true,
                "--print" => options.print = true,
                "--small" => options.small = true,
                "--rounds" => options.rounds = Some(value()?.parse().map_err(|_| "--rounds needs a number")?),
                "--database" => {
                    let name = value()?.to_ascii_lowercase();
                    options.databases.retain(|database| database.name().to_ascii_lowercase().starts_with(&name));
                }
                "--only" => {
                    for name in value()?.split(',') {
                        let known = Workload::ALL.into_iter().find(|workload| workload.name() == name);
                        options.only.push(known.ok_or_else(|| format!("no workload {name}"))?);
                    }
                }
                "--part" => {
                    for name in value()?.split(',') {
                        let known = Part::ALL.into_iter().find(|(known, _)| *known == name);
                        options.parts.push(known.ok_or_else(|| format!("no part {name}"))?.1);
                    }
                }
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }

    fn has(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    fn of(&self, all: &[Workload]) -> Vec<Workload> {
        all.iter().copied().filter(|workload| self.only.is_empty() || self.only.contains(workload)).collect()
    }
}

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The page that the tables are written into.
pub fn page() -> PathBuf {
    root().join("docs/performance.md")
}

/// What was measured so far.
fn measured() -> PathBuf {
    root().join("tests/bench/measured.json")
}

fn ratios() -> PathBuf {
    root().join("tests/bench/ratios.json")
}

/// What `Measured::plots` draws, as the page shows it.
const PLOTS: &str = "![Server CPU on PostgreSQL](performance/server-postgresql.svg)\n\n\
    ![Database CPU on PostgreSQL](performance/database-postgresql.svg)\n\n\
    ![Server CPU on SQLite](performance/server-sqlite.svg)";

/// A folder of this run, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        let folder = std::env::temp_dir().join(format!("hoursmith-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Folder(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn programs(folder: &Folder, cores: Cores) -> Programs {
    let built = root().join("target/release/hoursmith");
    let hoursmith = std::env::var_os("BENCH_HOURSMITH").map_or(built, PathBuf::from);
    let peer = Some(root().join("target/bench/peer")).filter(|peer| peer.join("node_modules").exists());
    Programs { hoursmith, peer, folder: folder.0.clone(), core: cores.server }
}

/// Measures workloads on a database.
async fn rows(
    ground: &Ground,
    programs: &Programs,
    cores: Cores,
    workloads: &[Workload],
    effort: Effort,
) -> Result<Vec<Row>, String> {
    let servers = ground.servers(programs)?;
    let ours = servers.iter().find(|server| server.who == Who::Ours).ok_or("our server is among them")?;
    let deep = match workloads.contains(&Workload::DeepPage) {
        true => deep_cursor(ours, ground.size).await?,
        false => String::new(),
    };
    same_answers(&servers, workloads, ground.size, &deep).await?;
    let mut rows = Vec::new();
    for workload in workloads {
        let taking_part = |server: &&Server| server.who != Who::Peer || workload.has_peer();
        let sides: Vec<Side> = servers
            .iter()
            .filter(taking_part)
            .map(|server| Side { server, requests: workload.requests(server.who, ground.size, &deep) })
            .collect();
        let samples = measure(&programs.folder, cores, ground.process, &sides, effort)?;
        let row = Row { database: ground.database, workload: *workload, samples, passed: BTreeMap::new() };
        println!("{}", row.line());
        rows.push(row);
    }
    drop(servers);
    if ground.database == Database::Postgres {
        count(ground, programs, &mut rows, &deep).await?;
    }
    Ok(rows)
}

/// Counts statements and round trips, on servers that speak to the database through a relay.
async fn count(ground: &Ground, programs: &Programs, rows: &mut [Row], deep: &str) -> Result<(), String> {
    const WARM: u64 = 16;
    const COUNTED: u64 = 20;
    let port = ground.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or("the database has a port")?;
    let (relay, counts) = wire::relay(port).await.map_err(|e| e.to_string())?;
    let url = ground.url.replace(&format!(":{port}/"), &format!(":{relay}/"));
    for who in [Who::Bare, Who::Ours, Who::Peer] {
        let (programs, url) = (programs.clone(), url.clone());
        // It waits for the server, which waits for the relay, which is ours.
        let started = tokio::task::spawn_blocking(move || match who {
            Who::Bare => programs.bare(&url).map(Some),
            Who::Ours => programs.ours(&url, "warn").map(Some),
            Who::Peer => programs.peer(&url),
        });
        let Some(server) = started.await.map_err(|e| e.to_string())?? else { continue };
        let mut client = Client::connect(server.port).await.map_err(|e| e.to_string())?;
        for row in rows.iter_mut().filter(|row| who != Who::Peer || row.workload.has_peer()) {
            let requests = row.workload.requests(who, ground.size, deep);
            send(&mut client, &requests, WARM).await?;
            let before = counts.now();
            send(&mut client, &requests, COUNTED).await?;
            row.passed.insert(who, report::per_request(before, counts.now(), COUNTED));
        }
    }
    Ok(())
}

async fn send(client: &mut Client, requests: &[Request], times: u64) -> Result<(), String> {
    for request in requests.iter().cycle().take(usize::try_from(times).unwrap_or(0)) {
        let answer = client.send(request).await.map_err(|e| e.to_string())?;
        if answer.status >= 400 {
            return Err(format!("{} {}: {} {}", request.method, request.path, answer.status, answer.body));
        }
    }
    Ok(())
}

/// The laboratory, or parts of it. With `--write`, what is measured takes the place of what was known of the same.
///
/// # Errors
/// If something cannot be measured.
pub async fn lab(options: &Options) -> Result<(), String> {
    let (folder, cores) = (Folder::new()?, Cores::here());
    let programs = programs(&folder, cores);
    let effort = Effort { rounds: options.rounds.unwrap_or(9), seconds: 1, connections: CONNECTIONS };
    let workloads = options.of(&Workload::ALL);
    let mut known = if options.write { Measured::read(&measured())? } else { Measured::default() };
    for database in &options.databases {
        let size = match database {
            _ if options.small => Size::SMALL,
            Database::Postgres => Size::MILLION,
            Database::Sqlite => Size::EMBEDDED,
        };
        let grows = options.has(Part::Growth) && *database == Database::Postgres;
        if !options.has(Part::Ratios) && !options.has(Part::Footprint) && !grows {
            continue;
        }
        let ground = Ground::new(&programs, cores, *database, size).await?;
        println!("{} holds {} entries", database.name(), size.large + size.each * u64::from(size.workspaces - 1));
        if options.has(Part::Ratios) {
            known.take(&rows(&ground, &programs, cores, &workloads, effort).await?);
        }
        let deep = match options.has(Part::Footprint) || grows {
            true => deep_cursor(&programs.ours(&ground.url, "warn")?, ground.size).await?,
            false => String::new(),
        };
        if options.has(Part::Footprint) {
            known.take_footprint(*database, footprint::of(&ground, &programs, cores, &workloads, &deep)?);
        }
        if grows {
            let small = Ground::new(&programs, cores, *database, Size::SMALL).await?;
            let lab = Lab { programs: &programs, cores, effort: Effort { rounds: effort.rounds.min(5), ..effort } };
            known.take_growth(lab.run(&small, &ground, &deep).await?);
            small.remove().await?;
        }
        ground.remove().await?;
    }
    let sections = [
        ("ratios", known.ratios()),
        ("missed", known.missed()),
        ("plots", PLOTS.to_owned()),
        ("figures", known.figures()),
        ("growth", known.grown()),
        ("footprint", known.footprints()),
    ];
    for (section, text) in &sections {
        println!("\n## {section}\n\n{text}");
        if options.write {
            report::put(&page(), section, text)?;
        }
    }
    if options.write {
        known.write(&measured())?;
        known.plots(&root().join("docs/performance"))?;
    }
    Ok(())
}

/// The quick check: small data, few rounds, processor time as multiples of bare against those that are committed.
///
/// # Errors
/// If one is 1.5 times what is committed, or cannot be measured.
pub async fn quick(options: &Options) -> Result<(), String> {
    const FACTOR: f64 = 1.5;
    let (folder, cores) = (Folder::new()?, Cores::here());
    let programs = Programs { peer: None, ..programs(&folder, cores) };
    let effort = Effort { rounds: options.rounds.unwrap_or(3), seconds: 1, connections: CONNECTIONS };
    let measured = async |workloads: &dyn Fn(Database) -> Vec<Workload>| {
        let mut all = Vec::new();
        for database in &options.databases {
            let workloads = workloads(*database);
            if workloads.is_empty() {
                continue;
            }
            let ground = Ground::new(&programs, cores, *database, Size::SMALL).await?;
            all.extend(rows(&ground, &programs, cores, &workloads, effort).await?);
            ground.remove().await?;
        }
        Ok::<_, String>(Committed::of(&all))
    };
    let mut now = measured(&|database| options.of(Workload::quick(database))).await?;
    if options.write {
        return now.write(&ratios());
    }
    if options.print {
        return Ok(());
    }
    let committed = Committed::read(&ratios())?;
    if !committed.exceeded(&now, FACTOR).is_empty() {
        // What other programs do to the caches of a busy machine passes; what a request has come to cost does not.
        println!("measured once more, what seems slower:");
        let slower = |database: Database| {
            let mut all = options.of(Workload::quick(database));
            all.retain(|workload| !committed.exceeded(&now.only(database, *workload), FACTOR).is_empty());
            all
        };
        let again = measured(&slower).await?;
        now.take_lesser(&again);
    }
    let exceeded = committed.exceeded(&now, FACTOR);
    if exceeded.is_empty() {
        Ok(())
    } else {
        Err(format!("slower than {FACTOR} times what is committed:\n{}", exceeded.join("\n")))
    }
}

/// Where our server's time goes, workload by workload.
///
/// # Errors
/// If something cannot be measured.
pub async fn profiles(options: &Options) -> Result<(), String> {
    let (folder, cores) = (Folder::new()?, Cores::here());
    let programs = programs(&folder, cores);
    for database in &options.databases {
        let size = if options.small { Size::SMALL } else { Size::EMBEDDED };
        let ground = Ground::new(&programs, cores, *database, size).await?;
        let ours = programs.ours(&ground.url, "warn")?;
        for workload in options.of(&Workload::ALL) {
            let name = format!("{}, {}", database.name(), workload.title());
            profile::show(&folder.0, cores, &name, &ours, &workload.requests(Who::Ours, ground.size, ""))?;
        }
        drop(ours);
        ground.remove().await?;
    }
    Ok(())
}
