//! The files that `-f` names.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use crate::plugin::Failed;

/// A file's name as it was given, and its text.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// Endings that count in a folder, as for kubectl.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<File>, Failed> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for path in folder(path).map_err(|error| unreadable(path, &error))? {
                files.push(file(&path)?);
            }
        } else {
            files.push(file(path)?);
        }
    }
    Ok(files)
}

fn folder(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file(path: &Path) -> Result<File, Failed> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes = bytes.map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failed::Usage(format!("-f: {} is not UTF-8 text", path.display())))?;
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    Ok(File { name, text: text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text) })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failed {
    Failed::Usage(format!("-f: {} cannot be read: {error}", path.display()))
}
