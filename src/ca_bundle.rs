//! The file of `--ca-bundle`, which the operator and the plugin have.

use std::{fs::File, io::Read, path::Path};

use crate::k8s::pem;

/// Longest file with certificates, in bytes.
const MAX_BUNDLE: u64 = 4 << 20;

/// Reads certificates in PEM form.
///
/// # Errors
/// One sentence that names the flag.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let wrong = |why: &str| format!("--ca-bundle: {} {why}", path.display());
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BUNDLE + 1).read_to_end(&mut pem))
        .map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if pem.len() as u64 > MAX_BUNDLE {
        return Err(wrong("is longer than 4 MiB"));
    }
    // Nobody who mounts certificates for others to trust means to mount a key with them.
    if pem::has_private_key(&pem) {
        return Err(wrong("holds a private key; give a file with certificates only"));
    }
    pem::roots(&pem).map_err(|why| wrong(&why))?;
    Ok(pem)
}
