//! One entry of a kubeconfig, with its file and its name.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::error::{BadFile, Fault, Unusable};
use crate::domain::tools::invalid::Quoted;

/// Longest kubeconfig, and longest file that one names, in bytes.
const MAX_BYTES: u64 = 10 << 20;

/// An entry, and how sentences call it.
pub(super) struct Entry<'a, T> {
    /// The file that has it.
    pub(super) file: &'a Path,
    /// `cluster "x" in kubeconfig /home/me/.kube/config`.
    pub(super) title: String,
    pub(super) value: &'a T,
}

impl<'a, T> Entry<'a, T> {
    pub(super) fn new(file: &'a Path, kind: &str, name: &str, value: &'a T) -> Self {
        let title = format!("{kind} {} in kubeconfig {}", Quoted(name), file.display());
        Self { file, title, value }
    }

    /// What is wrong with the entry.
    pub(super) fn unusable(&self, fault: Fault) -> Unusable {
        Unusable::Entry { entry: self.title.clone(), fault }
    }

    /// A path in the kubeconfig counts from the folder of that file.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.file.parent().map_or_else(|| PathBuf::from(text), |folder| folder.join(text))
    }

    /// The file that a field names.
    pub(super) fn read(&self, field: &str, path: &str) -> Result<Vec<u8>, Unusable> {
        read_bounded(&self.path(path))
            .map_err(|why| self.unusable(Fault::File { field: field.to_owned(), path: path.to_owned(), why }))
    }
}

/// At most the bound, from whatever the path leads to.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, BadFile> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(BadFile::TooLong),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BadFile::Missing),
        Err(error) => Err(BadFile::Unreadable(error)),
    }
}
