//! Finds and reads the files that `rule_files` names.

use super::{RuleFile, RuleFileError, RuleFileErrors};
use crate::rule::RuleGroup;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of one rule file.
pub const RULE_FILE_BYTES_MAX: u64 = 16 << 20;
/// Files that all patterns together may name.
pub const RULE_FILES_MAX: usize = 10_000;

/// Every group of every rule file, and what is odd about the list of files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleFiles {
    /// In order of the patterns, then of file names, then as written.
    pub groups: Vec<RuleGroup>,
    pub files: Vec<PathBuf>,
    /// For the operator: patterns that name no file.
    pub warnings: Vec<String>,
}

impl RuleFile {
    /// Reads one rule file.
    pub fn load(path: &Path) -> Result<RuleFile, RuleFileErrors> {
        let text = read(path).map_err(|error| RuleFileErrors(vec![error]))?;
        RuleFile::parse(path, &text)
    }
}

impl RuleFiles {
    /// Reads the files of `rule_files`; relative patterns start at `directory`, that of the configuration file.
    /// Wildcards (`*`, `?`) may stand in the last component.
    ///
    /// # Errors
    /// Every error of every file, so that one look repairs all.
    pub fn load(patterns: &[String], directory: &Path) -> Result<RuleFiles, RuleFileErrors> {
        let mut found = RuleFiles::default();
        let mut errors = Vec::new();
        for pattern in patterns {
            match expand(pattern, directory) {
                Ok(files) if files.is_empty() => found.warnings.push(format!("rule_files: `{pattern}` names no file")),
                Ok(files) => found.files.extend(files),
                Err(error) => errors.push(error),
            }
        }
        found.files = distinct(std::mem::take(&mut found.files));
        if found.files.len() > RULE_FILES_MAX {
            let pattern = patterns.join(", ");
            return Err(RuleFileErrors(vec![RuleFileError::Pattern {
                pattern,
                problem: "names more than 10000 files",
            }]));
        }
        for file in &found.files {
            match RuleFile::load(file) {
                Ok(loaded) => found.groups.extend(loaded.groups),
                Err(RuleFileErrors(more)) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(found) } else { Err(RuleFileErrors(errors)) }
    }
}

/// The text of a rule file, or of a file of tests.
pub(crate) fn read(path: &Path) -> Result<String, RuleFileError> {
    let error = |source| RuleFileError::Io { file: path.to_owned(), source };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(error)?;
    // One byte more than allowed shows that there is more.
    file.take(RULE_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(error)?;
    if text.len() as u64 > RULE_FILE_BYTES_MAX {
        let bytes = fs::metadata(path).map_or(RULE_FILE_BYTES_MAX + 1, |metadata| metadata.len());
        return Err(RuleFileError::TooLong { file: path.to_owned(), bytes });
    }
    Ok(text)
}

/// The files that a pattern names, sorted.
fn expand(pattern: &str, directory: &Path) -> Result<Vec<PathBuf>, RuleFileError> {
    let refused = |problem| RuleFileError::Pattern { pattern: pattern.to_owned(), problem };
    let path = directory.join(pattern);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(refused("ends without a file name"));
    };
    let parent = path.parent().unwrap_or(Path::new("."));
    if has_wildcard(&parent.strip_prefix(directory).unwrap_or(parent).to_string_lossy()) {
        return Err(refused("has a wildcard in a directory, only the file name may have one"));
    }
    if !has_wildcard(name) {
        return Ok(if path.exists() { vec![path] } else { Vec::new() });
    }
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RuleFileError::Io { file: parent.to_owned(), source }),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| RuleFileError::Io { file: parent.to_owned(), source })?;
        if entry.file_name().to_str().is_some_and(|found| matches(name.as_bytes(), found.as_bytes())) {
            files.push(entry.path());
        }
    }
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether `name` fits the pattern: `*` stands for any run of bytes, `?` for one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                // The last star takes one byte more and the rest is tried again.
                let Some((star_p, star_n)) = star else { return false };
                star = Some((star_p, star_n + 1));
                p = star_p + 1;
                n = star_n + 1;
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

fn distinct(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = std::collections::HashSet::new();
    files.into_iter().filter(|file| seen.insert(file.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, want: bool) {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), want, "{pattern} on {name}");
    }

    #[test]
    fn wildcards() {
        check("*.yml", "a.yml", true);
        check("*.yml", "a.yaml", false);
        check("a*b*c", "a-b-b-c", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*", "", true);
        check("rules.yml", "rules.yml", true);
    }

    #[test]
    fn patterns_find_files_and_say_what_they_miss() {
        let directory = tempfile::tempdir().unwrap();
        for (name, group) in [("b.rules.yml", "b"), ("a.rules.yml", "a"), ("other.yml", "o")] {
            fs::write(directory.path().join(name), format!("groups: [{{name: {group}}}]")).unwrap();
        }
        let patterns = ["*.rules.yml", "a.rules.yml", "missing.yml"].map(str::to_owned);
        let found = RuleFiles::load(&patterns, directory.path()).unwrap();
        let names: Vec<&str> = found.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found.warnings, ["rule_files: `missing.yml` names no file"]);
        let wild = RuleFiles::load(&["*/x.yml".to_owned()], directory.path());
        assert_eq!(
            wild.unwrap_err().to_string(),
            "rule_files: `*/x.yml` has a wildcard in a directory, only the file name may have one"
        );
    }
}
