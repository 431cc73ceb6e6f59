//! The file of `--ca-bundle`, which the operator and the plugin have.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::k8s::pem::{self, BadCertificates};

/// Longest file with certificates, in bytes.
const MAX_BUNDLE: u64 = 4 << 20;

/// Why the file cannot be used: a sentence that names the flag and the file.
#[derive(Debug, thiserror::Error)]
pub enum BadBundle {
    /// It cannot be read.
    #[error("--ca-bundle: {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is longer than any bundle of certificates.
    #[error("--ca-bundle: {} is longer than 4 MiB; give a file with certificates only", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Nobody who mounts certificates for others to trust means to mount a key with them.
    #[error("--ca-bundle: {} holds a private key; give a file with certificates only", path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// What it holds are no certificates.
    #[error("--ca-bundle: {} {why}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        why: BadCertificates,
    },
}

/// Reads certificates in PEM form.
///
/// # Errors
/// When there are none that can be trusted.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BadBundle> {
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BUNDLE + 1).read_to_end(&mut pem));
    let path = path.to_owned();
    match read {
        Err(source) => Err(BadBundle::Unreadable { path, source }),
        Ok(_) if pem.len() as u64 > MAX_BUNDLE => Err(BadBundle::TooLong { path }),
        Ok(_) if pem::has_private_key(&pem) => Err(BadBundle::PrivateKey { path }),
        Ok(_) => match pem::roots(&pem) {
            Ok(()) => Ok(pem),
            Err(why) => Err(BadBundle::Certificates { path, why }),
        },
    }
}
