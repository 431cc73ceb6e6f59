//! The two images that the Dockerfile begins with, made from Debian's packages and this machine's Rust: no registry is needed.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};

use crate::{golang::key_of, process::tethered_std, progress::run_with_progress};

use super::{
    buildah::{Build, empty_context, has},
    source,
};

/// Stands for the Dockerfile's `RUST_IMAGE`.
pub(super) const RUST: &str = "localhost/rust:bookworm";
/// Stands for the Dockerfile's `RUNTIME_IMAGE`.
pub(super) const RUNTIME: &str = "localhost/cc-debian12:nonroot";

/// Of the images that they stand for.
const RUST_LINES: &str = "FROM scratch\nADD root.tar /\n\
    ENV CARGO_HOME=/usr/local/cargo \
    PATH=/usr/local/cargo/bin:/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
const RUNTIME_LINES: &str = "FROM scratch\nADD root.tar /\nUSER 65532\nWORKDIR /home/nonroot\n\
    ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\n";

/// Makes those that are not there, or were made by another recipe or with another Rust. Blocks.
pub(super) fn base_images() -> anyhow::Result<()> {
    let script = source().join("base-image.sh");
    let recipe = std::fs::read(&script).context("cannot read base-image.sh")?;
    let toolchain = sysroot()?;
    let version = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?.stdout;
    let bases = [("rust", RUST, RUST_LINES), ("runtime", RUNTIME, RUNTIME_LINES)];
    for (kind, image, lines) in bases {
        // A second name says what it was made of.
        let key = key_of(&[&recipe, lines.as_bytes(), &version]);
        let made_of = format!("localhost/made/{kind}:{key}");
        if has(&made_of)? {
            continue;
        }
        let context = empty_context(kind)?;
        let mut make = tethered_std("bash")?;
        make.arg(&script).arg(kind).arg(context.join("root.tar")).arg(&toolchain);
        run_with_progress(&format!("making the base image {image} from packages"), make, |_| None)?;
        Build::from_lines(image, &context, lines)?;
        Build::from_lines(&made_of, &context, &format!("FROM {image}\n"))?;
        std::fs::remove_dir_all(&context).context("cannot remove the files of a base image")?;
    }
    Ok(())
}

/// The folder of the Rust that this workspace is built with.
fn sysroot() -> anyhow::Result<String> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).current_dir(source()).output();
    let output = output.context("cannot run rustc")?;
    ensure!(output.status.success(), "rustc cannot name its folder");
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(Path::new(&folder).is_dir(), "there is no {folder}");
    Ok(folder)
}
