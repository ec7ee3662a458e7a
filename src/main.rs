//! The `watchfire` binary: one error chain printed as one line, one exit code.

mod admin;
mod app;
mod backup;
mod bodies;
mod check;
mod cli;
mod client;
mod config;
mod data;
mod gelf_http;
mod host;
mod inputs;
mod maintenance;
mod memory;
mod page;
mod process;
mod query_threads;
mod reload;
mod remote_write;
mod routes;
mod scrubbing;
mod shown_config;
mod status;
mod stores;
mod telemetry;

use clap::{CommandFactory, Parser};
use cli::{CheckCommand, Cli, Command, TestCommand};
use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watchfire: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the program can do.
fn run(command: Command) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match command {
        Command::Serve(args) => app::serve(args),
        Command::Check(CheckCommand::Config { file }) => check::config(&file),
        Command::Check(CheckCommand::Rules { files }) => check::rules(&files),
        Command::Check(CheckCommand::Streams(args)) => check::streams(&args),
        Command::Check(CheckCommand::Data(args)) => data::check(&args),
        Command::Test(TestCommand::Rules(args)) => check::rule_tests(&args),
        Command::Backup(args) => data::back_up(&args),
        Command::Restore(args) => data::restore(&args),
        Command::Query(args) => client_runtime()?.block_on(client::query(&args)),
        Command::Logs(args) => client_runtime()?.block_on(client::logs(&args)),
        Command::ConfigReference => Ok(write!(out, "{}", config::reference::print())?),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "watchfire", &mut out);
            Ok(())
        }
        Command::Version => Ok(writeln!(out, "watchfire {}", env!("CARGO_PKG_VERSION"))?),
    }
}

pub(crate) fn client_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    app::install_crypto();
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// `watchfire logs | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
