//! The files that `-f` names.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::plugin::Failed;

/// A file's name as it was given, and its text.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) source: Source,
}

/// How a file was come upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The user named it.
    Named,
    /// It is in a folder that the user named.
    Folder,
}

/// Endings that count in a folder, as for kubectl.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];
/// Longest file, and standard input, in bytes.
const MAX_BYTES: u64 = 10 << 20;
/// Longest of all files together, in bytes.
const MAX_TOTAL: usize = 50 << 20;
/// Most files in a folder.
const MAX_FILES: usize = 10_000;

pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<File>, Failed> {
    let mut files = Files::default();
    for path in paths {
        if path.is_dir() {
            for path in folder(path)? {
                files.add(&path, Source::Folder)?;
            }
        } else {
            files.add(path, Source::Named)?;
        }
    }
    Ok(files.read)
}

#[derive(Default)]
struct Files {
    read: Vec<File>,
    bytes: usize,
}

impl Files {
    fn add(&mut self, path: &Path, source: Source) -> Result<(), Failed> {
        let file = file(path, source)?;
        self.bytes += file.text.len();
        if self.bytes > MAX_TOTAL {
            return Err(Failed::usage(
                "-f: the files are longer than 50 MiB together; give the ones that matter",
            ));
        }
        self.read.push(file);
        Ok(())
    }
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let path = entry.map_err(|error| unreadable(path, &error))?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            paths.push(path);
        }
    }
    if paths.len() > MAX_FILES {
        return Err(Failed::usage(format_args!("-f: {} holds more than {MAX_FILES} files", path.display())));
    }
    paths.sort();
    Ok(paths)
}

fn file(path: &Path, source: Source) -> Result<File, Failed> {
    let (name, bytes) = if path.as_os_str() == "-" {
        ("standard input".to_owned(), bounded(std::io::stdin().lock()))
    } else {
        (path.display().to_string(), fs::File::open(path).and_then(bounded))
    };
    let bytes = bytes.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failed::usage(format_args!("-f: {name} is longer than 10 MiB")));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Failed::usage(format_args!("-f: {name} is not UTF-8 text")))?;
    Ok(File { name, text: text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text), source })
}

/// One byte more than the bound at most.
fn bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failed {
    Failed::usage(format_args!("-f: {} cannot be read: {error}", path.display()))
}
