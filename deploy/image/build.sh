#!/bin/sh
# The steps that make the operator's binary for the image. The Dockerfile runs them in layers, and deploy/image/check.sh runs
# them in a clean folder where there is no container engine: the two cannot differ.
#
#   build.sh tools              install cargo-auditable, and for another architecture its compiler and Rust target
#   build.sh dependencies       compile the dependencies, of which the folder needs to hold only the manifests
#   build.sh binary OUTPUT      compile the operator and copy it to OUTPUT
#
# TARGETARCH (amd64 or arm64; default: this machine's) is the architecture to build for.
set -eu

# Embeds the list of dependencies in the binary, where scanners of images find it.
CARGO_AUDITABLE_VERSION=0.7.7
BINARY=aicore-registry-operator

case "$(uname -m)" in
  x86_64) here=amd64 ;;
  aarch64 | arm64) here=arm64 ;;
  *) echo "build.sh: images are built on x86_64 or aarch64, not on $(uname -m)" >&2; exit 1 ;;
esac
case "${TARGETARCH:=$here}" in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "build.sh: TARGETARCH is amd64 or arm64, not $TARGETARCH" >&2; exit 1 ;;
esac
target=$machine-unknown-linux-gnu

# Another architecture is compiled for, not emulated: link-time optimisation under emulation takes an hour. The C parts
# (aws-lc) and the linker come from Debian's cross compiler; cargo and the cc crate find it by these names.
if [ "$TARGETARCH" != "$here" ]; then
  variable=$(echo "$target" | tr 'a-z-' 'A-Z_')
  export "CARGO_TARGET_${variable}_LINKER=$machine-linux-gnu-gcc"
  export "CC_$(echo "$target" | tr - _)=$machine-linux-gnu-gcc"
  export "AR_$(echo "$target" | tr - _)=$machine-linux-gnu-ar"
fi

# Paths of the building machine have no place in the binary, and would make two builds differ.
output=${CARGO_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--remap-path-prefix=$PWD=/src --remap-path-prefix=$output=/target \
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

compile() {
  cargo auditable build --locked --release --target "$target" --bin "$BINARY"
}

case "${1-}" in
  tools)
    cargo auditable --version 2>/dev/null | grep -qwF "$CARGO_AUDITABLE_VERSION" ||
      cargo install cargo-auditable --version "$CARGO_AUDITABLE_VERSION" --locked --quiet
    if [ "$TARGETARCH" != "$here" ]; then
      apt-get update -qq
      # g++ brings the C library's headers along.
      apt-get install -qq --yes --no-install-recommends "g++-$(echo "$machine" | tr _ -)-linux-gnu" > /dev/null
      rm -rf /var/lib/apt/lists/*
      rustup target add "$target"
    fi
    ;;
  dependencies)
    # With empty sources in place of ours, cargo compiles all that is not ours; the layer stands until a manifest changes.
    # Targets that a manifest declares would need their files, and none of them is part of the binary. This takes four lines
    # here, and spares the image's supply chain another tool.
    for manifest in Cargo.toml */Cargo.toml */*/Cargo.toml; do
      awk '/^\[/ { skip = /^\[\[(bin|bench|test|example)\]\]/ } !skip' "$manifest" > "$manifest.new"
      mv "$manifest.new" "$manifest"
      mkdir -p "${manifest%Cargo.toml}src"
      echo '//! Empty.' > "${manifest%Cargo.toml}src/lib.rs"
    done
    printf '//! Empty.\nfn main() {}\n' > src/main.rs
    compile
    ;;
  binary)
    : "${2:?build.sh binary: where shall the binary go?}"
    # The empty sources may be younger than ours, and cargo goes by time.
    find src -name '*.rs' -exec touch {} +
    compile
    cp "$output/$target/release/$BINARY" "$2"
    ;;
  *)
    sed -n 's/^# \{0,1\}//p' "$0" | sed -n 2,9p >&2
    exit 2
    ;;
esac
