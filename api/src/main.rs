//! The binary: parses the command line and runs one command.

use std::process::ExitCode;

use tokio::runtime::Runtime;

fn main() -> std::io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let code = runtime.block_on(api::cli::run());
    // A look-up of a name that hangs cannot be ended, and nobody waits for it any more.
    runtime.shutdown_background();
    Ok(code)
}
