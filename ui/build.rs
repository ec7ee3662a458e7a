//! Writes the table of embedded files: walks `dist/`, compresses each file once, and emits `assets.rs`
//! for `src/lib.rs` to include. Never runs npm, never opens the network.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

/// A file whose compressed form saves less than one part in eight is served as it is.
const SAVING_MIN: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let dist = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("dist");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", dist.display());
    if !dist.join("index.html").is_file() {
        return Err("ui/dist/index.html is missing: run `npm ci && npm run build` in ui/web".into());
    }
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    let mut lines = Vec::new();
    for (index, path) in files.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = name(&dist, path)?;
        lines.push((entry(&name, path, &out, index)?, name));
    }
    // By name, for `asset` searches the table by halves.
    lines.sort_by(|(_, a), (_, b)| a.cmp(b));
    let table: String = lines.into_iter().map(|(line, _)| line).collect();
    fs::write(out.join("assets.rs"), format!("static ASSETS: &[(&str, Asset)] = &[\n{table}];\n"))?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The path below `dist` with forward slashes.
fn name(dist: &Path, path: &Path) -> Result<String, Box<dyn Error>> {
    let parts: Result<Vec<_>, _> = path
        .strip_prefix(dist)?
        .components()
        .map(|part| part.as_os_str().to_str().ok_or("a file name in ui/dist is not UTF-8"))
        .collect();
    Ok(parts?.join("/"))
}

/// One line of the table; writes the file's compressed form beside it when that is smaller.
fn entry(name: &str, path: &Path, out: &Path, index: usize) -> Result<String, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());

    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let compressed = encoder.finish()?;
    let gzip = if compressed.len() + bytes.len() / SAVING_MIN < bytes.len() {
        let file = out.join(format!("{index}.gz"));
        fs::write(&file, compressed)?;
        format!("Some(include_bytes!({:?}))", file.display().to_string())
    } else {
        "None".to_owned()
    };

    let mut line = String::new();
    writeln!(
        line,
        "({name:?}, Asset {{ bytes: include_bytes!({path:?}), gzip: {gzip}, content_type: {content_type:?}, \
         etag: {etag:?}, immutable: {immutable} }}),",
        path = path.display().to_string(),
        content_type = content_type(name)?,
        immutable = name.starts_with("assets/"),
    )?;
    Ok(line)
}

/// The media type by extension. An unknown one stops the build, for a browser would refuse a guess.
fn content_type(name: &str) -> Result<&'static str, String> {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => Ok("text/html; charset=utf-8"),
        "js" => Ok("text/javascript; charset=utf-8"),
        "css" => Ok("text/css; charset=utf-8"),
        "svg" => Ok("image/svg+xml"),
        "txt" => Ok("text/plain; charset=utf-8"),
        _ => Err(format!("ui/dist/{name} has no known media type: add it to `content_type` in ui/build.rs")),
    }
}
