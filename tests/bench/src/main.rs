//! `bench lab` measures the released program beside a bare server and a Node peer and writes `docs/performance.md`;
//! `bench quick` is the short check of `make test`; `bench profile` shows where the time goes; `bench bare` is the bare server itself. Run it by `make bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bare;
mod client;
mod cpu;
mod footprint;
mod growth;
mod lab;
mod load;
mod measured;
mod plot;
mod profile;
mod report;
mod rounds;
mod rows;
mod runs;
mod seed;
mod servers;
mod subscribers;
mod wire;
mod workloads;

use std::process::ExitCode;

/// The bare server does the least, with an allocator that is known to be fast.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(|e| e.to_string()).and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", url, port] => {
            let port = port.parse().map_err(|_| "bench bare URL PORT")?;
            bare::serve(url, port).await.map_err(|e| e.to_string())
        }
        ["lab", ref options @ ..] => runs::lab(&runs::Options::read(options)?).await,
        ["profile", ref options @ ..] => runs::profiles(&runs::Options::read(options)?).await,
        ["quick", ref options @ ..] => runs::quick(&runs::Options::read(options)?).await,
        _ => Err("bench lab, bench quick, bench profile, or bench bare URL PORT".into()),
    }
}
