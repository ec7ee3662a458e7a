//! The command line. Every option can also be given as `WATCHFIRE_…` in the environment.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Keeps a fleet's logs and metrics and tells its people when something burns.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server: take logs and metrics in, answer queries, evaluate rules.
    Serve(ServeArgs),
    /// Check files before the server reads them.
    #[command(subcommand)]
    Check(CheckCommand),
    /// Run unit tests.
    #[command(subcommand)]
    Test(TestCommand),
    /// Have a running server write a backup of everything, and print where it lies.
    Backup(BackupArgs),
    /// Copy a backup into a new data directory and check every byte of it.
    Restore(RestoreArgs),
    /// Evaluate a PromQL expression on a running server.
    Query(QueryArgs),
    /// Search the logs of a running server.
    Logs(LogsArgs),
    /// Print the configuration file with every key and its default.
    ConfigReference,
    /// Print a completion script for a shell.
    Completions { shell: Shell },
    /// Print the version.
    Version,
}

/// As typed; what is absent comes from the configuration file, then from the defaults.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file; a prometheus.yml is a valid one. Without it the embedded defaults hold.
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Directory that holds everything stored [default: data]
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the page and of every HTTP API; port 0 takes a free one [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR", env = "WATCHFIRE_HTTP_LISTEN")]
    pub(crate) http_listen: Option<SocketAddr>,
    /// Address that takes GELF over UDP; port 0 takes a free one [default: [::]:12201, IPv4 included]
    #[arg(long, value_name = "ADDR", env = "WATCHFIRE_GELF_UDP_LISTEN")]
    pub(crate) gelf_udp_listen: Option<SocketAddr>,
    /// Address that takes GELF over TCP; port 0 takes a free one [default: [::]:12201, IPv4 included]
    #[arg(long, value_name = "ADDR", env = "WATCHFIRE_GELF_TCP_LISTEN")]
    pub(crate) gelf_tcp_listen: Option<SocketAddr>,
    /// Serve HTTP beyond loopback without a login and without TLS: only behind a proxy that has both.
    #[arg(long, env = "WATCHFIRE_HTTP_INSECURE")]
    pub(crate) http_insecure: bool,
    /// Let HTTP clients delete samples and take snapshots: `/api/v1/admin/tsdb/`, Prometheus' --web.enable-admin-api.
    #[arg(long, env = "WATCHFIRE_HTTP_ADMIN_API")]
    pub(crate) http_admin_api: bool,
    /// Verbosity of Watchfire's own log on stderr, for example `info` or `info,watchfire_scrape=debug`.
    #[arg(long, value_name = "FILTER", env = "WATCHFIRE_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Form of Watchfire's own log.
    #[arg(long, value_name = "FORM", env = "WATCHFIRE_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckCommand {
    /// Check a configuration file and the rule files that it names.
    Config { file: PathBuf },
    /// Check rule files.
    Rules {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print which streams GELF messages would get by the rules of a configuration, without storing them.
    Streams(CheckStreamsArgs),
    /// Read everything in a data directory that no server uses, and name what is damaged.
    Data(CheckDataArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Run unit tests of rules, files in promtool's format.
    Rules(RuleTestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RuleTestArgs {
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Run only tests whose name matches this expression; may be given several times.
    #[arg(long, value_name = "REGEX")]
    pub(crate) run: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckStreamsArgs {
    /// Configuration file with the rules (`logs.streams`).
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    pub(crate) config: PathBuf,
    /// GELF messages, one a line; - for the standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print how many records each stream gets instead of one line per record.
    #[arg(long)]
    pub(crate) counts: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckDataArgs {
    /// The data directory.
    #[arg(default_value = "data")]
    pub(crate) directory: PathBuf,
    /// Rebuild what is damaged from the write-ahead log where that still holds it, else save what can be read of it; the
    /// damaged files are kept under `damaged/`.
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Without a server: back up this data directory, which no server uses, into the directory given with --to.
    #[arg(long, value_name = "DIR", requires = "to")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the backup goes, a directory that does not exist yet.
    #[arg(long, value_name = "DIR", requires = "data_dir")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup's directory.
    pub(crate) backup: PathBuf,
    /// The data directory to create.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data_dir: PathBuf,
}

/// Where a running server is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "WATCHFIRE_SERVER", default_value = "http://127.0.0.1:9090")]
    pub(crate) server: String,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The PromQL expression.
    pub(crate) expression: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Evaluate at this time: RFC 3339 or Unix seconds [default: now]
    #[arg(long)]
    pub(crate) time: Option<String>,
    /// Evaluate over a range from this time; needs --end and --step.
    #[arg(long, requires_all = ["end", "step"], conflicts_with = "time")]
    pub(crate) start: Option<String>,
    /// End of the range, inclusive.
    #[arg(long, requires = "start")]
    pub(crate) end: Option<String>,
    /// Distance of the points, for example 15s.
    #[arg(long, requires = "start")]
    pub(crate) step: Option<String>,
    /// Print the server's JSON answer instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The log query, with pipes if need be; empty for all records.
    #[arg(default_value = "")]
    pub(crate) query: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How far back to search, for example 15m or 2d.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) since: String,
    /// Print at most so many records or rows [default: the newest 100 records, 10000 rows, everything of an export]
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    /// Take the newest or the oldest records first, and print them so [default: the newest, in order of time]
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<LogsOrder>,
    /// Print an export (ndjson, csv) or a table instead of lines of text; a query with pipes prints a table by itself.
    #[arg(long, value_name = "FORM", conflicts_with = "json")]
    pub(crate) format: Option<LogsFormat>,
    /// Of the records only these fields, for example time,host,message (ndjson, csv).
    #[arg(long, value_name = "NAMES")]
    pub(crate) fields: Option<String>,
    /// Print records as they arrive, until interrupted.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// One JSON object per line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogsOrder {
    Newest,
    Oldest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogsFormat {
    /// One JSON object a line.
    Ndjson,
    Csv,
    Table,
}
