//! `watchfire check` and `watchfire test`: what the server would say of a file, without a server.

mod rule_tests;
mod streams;

pub(crate) use rule_tests::rule_tests;
pub(crate) use streams::streams;

use crate::config::Config;
use anyhow::{Context, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use watchfire_alerting::{AlertmanagerConfig, RuleFile, RuleFiles};

/// Checks a configuration, the rule files that it names, and its `alertmanager.yml`.
pub(crate) fn config(file: &Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    for warning in config.warnings() {
        eprintln!("warning: {}: {warning}", file.display());
    }
    let missing = |pattern: &&String| !pattern.contains(['*', '?']) && !Path::new(pattern).exists();
    if let Some(pattern) = config.rule_files.iter().find(missing) {
        bail!("{}: `rule_files` names `{pattern}`, which does not exist", file.display());
    }
    let rules = RuleFiles::load(&config.rule_files, Path::new(""))
        .with_context(|| format!("{}: `rule_files`", file.display()))?;
    for warning in &rules.warnings {
        eprintln!("warning: {}: {warning}", file.display());
    }
    if let Some(alertmanager) = &config.alerting.config_file {
        for warning in AlertmanagerConfig::load(alertmanager)?.warnings {
            eprintln!("warning: {}: {warning}", alertmanager.display());
        }
    }
    let (shown, jobs, streams) = (file.display(), config.scrape_configs.len(), config.logs.streams.len());
    let rule_files = rules.files.len();
    writeln!(std::io::stdout(), "{shown} is valid: {jobs} scrape jobs, {rule_files} rule files, {streams} streams")?;
    Ok(())
}

/// Checks rule files; reports every one before it fails.
pub(crate) fn rules(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut bad = 0;
    for file in files {
        match RuleFile::load(file) {
            Ok(rules) => {
                let count: usize = rules.groups.iter().map(|group| group.rules.len()).sum();
                writeln!(
                    std::io::stdout(),
                    "{} is valid: {} groups, {count} rules",
                    file.display(),
                    rules.groups.len()
                )?;
            }
            Err(error) => {
                eprintln!("{error}");
                bad += 1;
            }
        }
    }
    if bad > 0 {
        bail!("{bad} of {} rule files are wrong", files.len());
    }
    Ok(())
}
