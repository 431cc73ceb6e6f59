#!/usr/bin/env bash
# The files of an image that the Dockerfile begins with, as a tar file:
#   base-image.sh rust FILE RUST-FOLDER    Debian 12 with a C compiler, and Rust: as docker.io/library/rust has it
#   base-image.sh runtime FILE             what gcr.io/distroless/cc-debian12 has
set -euo pipefail
kind=$1 file=$2
work=$(dirname "$file")
root=$work/root
mkdir -p "$root"

rust() {
  debootstrap --variant=minbase --include=ca-certificates,curl,g++,gcc,git,libc6-dev,make,pkg-config bookworm "$root"
  mkdir -p "$root/usr/local/rust" "$root/usr/local/cargo"
  cp -a "$1/bin" "$1/lib" "$root/usr/local/rust/"
  [[ ! -d $1/libexec ]] || cp -a "$1/libexec" "$root/usr/local/rust/"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
}

runtime() {
  mkdir "$work/packages"
  (cd "$work/packages" && apt-get download base-files gcc-12-base libc6 libgcc-s1 libgomp1 libssl3 libstdc++6 netbase tzdata)
  local package
  for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$root"
  done
  rm -rf "$root"/usr/share/{doc,locale,lintian,man} "$root"/usr/lib/*-linux-gnu/gconv
  mkdir -p "$root/etc/ssl/certs" "$root/home/nonroot" "$root/tmp"
  printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin \
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin > "$root/etc/passwd"
  printf '%s\n' root:x:0: nobody:x:65534: nonroot:x:65532: > "$root/etc/group"
  chown 65532:65532 "$root/home/nonroot"
  chmod 1777 "$root/tmp"
}

case $kind in
  rust) rust "$3" ;;
  runtime) runtime ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
# Which authorities are trusted is this machine's business: it may have one of its own in the way.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
tar --create --file="$file" --directory="$root" --numeric-owner .
rm -rf "$root" "$work/packages"
