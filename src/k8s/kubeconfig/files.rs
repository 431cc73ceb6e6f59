//! The kubeconfig files. Of several, the first one that has an entry gives it.

use std::{
    env,
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use kube::config::{Context, Kubeconfig, KubeconfigError};

use super::{
    cluster::ClusterEntry,
    error::{BadFile, BadKubeconfig, Fault, Unusable},
    user::UserEntry,
};
use crate::domain::tools::invalid::Quoted;

/// Longest kubeconfig, and longest file that one names, in bytes.
const MAX_BYTES: u64 = 10 << 20;
/// Lists files, separated as in `PATH`.
const KUBECONFIG: &str = "KUBECONFIG";

pub(super) struct Files(Vec<(PathBuf, Kubeconfig)>);

/// An entry, and how sentences call it.
pub(super) struct Entry<'a, T> {
    /// The file that has it.
    pub(super) file: &'a Path,
    /// `cluster "x" in kubeconfig /home/me/.kube/config`.
    pub(super) title: String,
    pub(super) value: &'a T,
}

impl<T> Entry<'_, T> {
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

impl Files {
    /// `None` when there is no file. Files of a list that do not exist are passed over.
    pub(super) fn read(only: Option<&Path>) -> Result<Option<Self>, Unusable> {
        if let Some(path) = only {
            let path = path.to_owned();
            return match read(&path) {
                Ok(content) => Ok(Some(Self(vec![(path, content)]))),
                Err(why) => Err(Unusable::File { named: "--kubeconfig:", path, why }),
            };
        }
        let mut files = Vec::new();
        for path in paths() {
            if path.exists() {
                match read(&path) {
                    Ok(content) => files.push((path, content)),
                    Err(why) => return Err(Unusable::File { named: "kubeconfig", path, why }),
                }
            }
        }
        Ok((!files.is_empty()).then_some(Self(files)))
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|(path, _)| path.display().to_string()).collect();
        format!("kubeconfig {}", names.join(", "))
    }

    pub(super) fn current_context(&self) -> Option<&str> {
        let mut names = self.0.iter().filter_map(|(_, file)| file.current_context.as_deref());
        names.find(|name| !name.is_empty())
    }

    pub(super) fn context<'a>(&'a self, name: &'a str) -> Result<Entry<'a, Context>, Unusable> {
        let found = self.0.iter().find_map(|(path, file)| {
            let named = file.contexts.iter().find(|named| named.name == name)?;
            Some((path, named.context.as_ref()?))
        });
        let Some((file, entry)) = found else {
            return Err(Unusable::NoContext { files: self.names(), context: name.to_owned() });
        };
        Ok(self::entry(file, "context", name, entry))
    }

    pub(super) fn cluster<'a>(&'a self, context: &Entry<'a, Context>) -> Result<ClusterEntry<'a>, Unusable> {
        let name = context.value.cluster.as_str();
        let found = self.0.iter().find_map(|(path, file)| {
            let named = file.clusters.iter().find(|named| named.name == name)?;
            Some((path, named.cluster.as_ref()?))
        });
        let Some((file, entry)) = found else {
            return Err(context.unusable(Fault::NoCluster(name.to_owned())));
        };
        Ok(ClusterEntry(self::entry(file, "cluster", name, entry)))
    }

    /// `None` when the context names none, or one that does not exist: the request is then anonymous, as kubectl's.
    pub(super) fn user<'a>(&'a self, context: &Entry<'a, Context>) -> Option<UserEntry<'a>> {
        let name = context.value.user.as_deref()?;
        let (file, entry) = self.0.iter().find_map(|(path, file)| {
            let named = file.auth_infos.iter().find(|named| named.name == name)?;
            Some((path, named.auth_info.as_ref()?))
        })?;
        Some(UserEntry(self::entry(file, "user", name, entry)))
    }
}

fn entry<'a, T>(file: &'a Path, kind: &str, name: &str, value: &'a T) -> Entry<'a, T> {
    let title = format!("{kind} {} in kubeconfig {}", Quoted(name), file.display());
    Entry { file, title, value }
}

/// For the sentence that there is none.
pub(super) fn where_it_was_sought() -> String {
    let paths: Vec<String> = paths().iter().map(|path| path.display().to_string()).collect();
    match env::var_os(KUBECONFIG).filter(|value| !value.is_empty()) {
        Some(_) => format!("{KUBECONFIG} names {}, which does not exist", paths.join(" and ")),
        None if paths.is_empty() => format!("{KUBECONFIG} is not set, and there is no home folder"),
        None => format!("{KUBECONFIG} is not set, and there is no {}", paths.join(" and ")),
    }
}

fn paths() -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = env::var_os(KUBECONFIG)
        .map(|list| env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if listed.is_empty() {
        env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect()
    } else {
        listed
    }
}

fn read(path: &Path) -> Result<Kubeconfig, BadKubeconfig> {
    let text = decode(read_bounded(path)?).ok_or(BadKubeconfig::NotText)?;
    Kubeconfig::from_yaml(&text).map_err(|error| match error {
        KubeconfigError::Parse(error) => {
            BadKubeconfig::NotOne { place: error.location().map(|place| (place.line(), place.column())) }
        }
        _ => BadKubeconfig::Mixed,
    })
}

/// At most the bound, from whatever the path leads to.
fn read_bounded(path: &Path) -> Result<Vec<u8>, BadFile> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(BadFile::TooLong),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BadFile::Missing),
        Err(error) => Err(BadFile::Unreadable(error)),
    }
}

/// UTF-8 or, as PowerShell writes, UTF-16; with or without a byte order mark.
fn decode(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().copied().map(unit).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}
