#!/usr/bin/env bash
# Builds the image's binary by the Dockerfile's own steps in a clean folder, and runs it with nothing around it but what the
# runtime image has. Needs no container engine. Prints the binary's size and how long it takes to start.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD work=$PWD/target/image
mkdir -p "$work"

# What gcr.io/distroless/cc-debian12 has of the libraries that a Rust program may link to, and the version of its glibc.
LIBRARIES="libc.so.6 libgcc_s.so.1 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1"
GLIBC=2.36

say() { printf 'image-check: %s\n' "$*"; }
fail() { printf 'image-check: %s\n' "$*" >&2; exit 1; }

# The folder that holds the sources is new each time; compiled dependencies and cargo's tools stay under target/.
source=$work/source
rm -rf "$source" && mkdir "$source"
process=
trap '[[ -z $process ]] || kill -KILL "$process" 2> /dev/null || true' EXIT
# Files that Git knows, as COPY would place them.
copy() { git ls-files -z -- "$@" | tar --create --null --files-from=- | tar --extract --directory="$source"; }
export CARGO_TARGET_DIR=$work/target
export CARGO_INSTALL_ROOT=$root/target/tools PATH="$root/target/tools/bin:$PATH"

grep -q "^ARG RUST_IMAGE=.*/rust:$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)-" Dockerfile ||
  fail "the Dockerfile's RUST_IMAGE is not of the version that rust-toolchain.toml names"

say "building, which takes some minutes"
# In the order of the Dockerfile, with what .dockerignore lets through of the files that Git knows.
cp rust-toolchain.toml "$source/"
(cd "$source" && "$root/deploy/image/build.sh" tools)
read -ra manifests <<< "$(sed -nE 's/^COPY (.*Cargo\.toml.*) .*$/\1/p' Dockerfile | tr '\n' ' ')"
copy "${manifests[@]}"
(cd "$source" && "$root/deploy/image/build.sh" dependencies)
mapfile -t context < <(sed -n 's/^!//p' .dockerignore)
copy "${context[@]}"
binary=$work/aicore-registry-operator
(cd "$source" && "$root/deploy/image/build.sh" binary "$binary")

# The libraries that it needs, and the newest symbols of glibc among them.
needed=$(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
  [[ " $LIBRARIES " == *" $library "* ]] || fail "the binary needs $library, which the runtime image does not have"
done
symbols=$(readelf --version-info "$binary" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -1)
say "needs" $needed "and glibc $symbols; the runtime image has $GLIBC"
if [[ $(printf '%s\n' "$symbols" "$GLIBC" | sort -V | tail -1) != "$GLIBC" ]]; then
  here=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
  [[ $(printf '%s\n' "$here" "$GLIBC" | sort -V | tail -1) != "$GLIBC" ]] || fail "it needs glibc $symbols"
  say "this machine has glibc $here, on which that depends; the Dockerfile's builder has $GLIBC"
fi

# The list of dependencies: JSON, compressed by zlib. gzip unpacks it behind a header of its own, and then misses a checksum.
objcopy --dump-section ".dep-v0=$work/dependencies" "$binary" /dev/null 2> /dev/null ||
  fail "the binary has no list of dependencies (section .dep-v0)"
listed=$({ printf '\037\213\010\0\0\0\0\0\0\0'; tail -c +3 "$work/dependencies"; } | gzip -dc 2> /dev/null || true)
for package in aicore-registry-operator rustls kube-client; do
  grep -q "\"name\":\"$package\"" <<< "$listed" || fail "the list of dependencies lacks $package"
done
say "lists $(grep -o '"name":' <<< "$listed" | wc -l) packages in .dep-v0"
! grep -qaF "$root" "$binary" || fail "the binary names folders of the machine that built it"

# A root folder as the image has it. Entering it takes root, or a user namespace; without either it is left out, and said.
image=$work/root
rm -rf "$image" && mkdir -p "$image/etc/ssl/certs"
for file in $(ldd "$binary" | grep -o '/[^ ]*'); do
  mkdir -p "$image$(dirname "$file")" && cp -L "$file" "$image$file"
done
[[ ! -e /etc/ssl/certs/ca-certificates.crt ]] || cp -L /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/"
cp "$binary" "$image/aicore-registry-operator"
chmod -R a+rX "$image"
if [[ $(id -u) == 0 ]]; then
  enter=(chroot --userspec=65532:65532 "$image" /aicore-registry-operator)
elif unshare --map-root-user --root="$image" /aicore-registry-operator --version > /dev/null 2>&1; then
  enter=(unshare --map-root-user --root="$image" /aicore-registry-operator)
else
  say "this user may not enter another root folder: started in place"
  enter=("$binary")
fi
clean() { env -i PATH="$PATH" "$@"; }

crds=(crds/aicoreregistrysecrets.aicore-registry.dev.yaml crds/aicoretenants.aicore-registry.dev.yaml)
clean "${enter[@]}" crd | cmp - <(awk 'FNR == 1 && NR > 1 { print "---" } { print }' "${crds[@]}") || fail "crd prints other CRDs"
code=0
clean "${enter[@]}" run --log-format=text > "$work/log" 2>&1 || code=$?
[[ $code == 1 && $(wc -l < "$work/log") == 1 ]] && grep -q 'no Kubernetes API server is configured' "$work/log" ||
  fail "without a cluster it ends with code $code and says: $(cat "$work/log")"
say "without a cluster: $(cut -d' ' -f3- "$work/log")"

# To its first line, with the address of an API server that is not there; and its end on SIGTERM.
cat > "$image/kubeconfig" << 'YAML'
apiVersion: v1
kind: Config
current-context: none
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {token: none}}]
YAML
kubeconfig=/kubeconfig
[[ ${enter[0]} != "$binary" ]] || kubeconfig=$image/kubeconfig
times=()
for _ in 1 2 3 4 5; do
  rm -f "$work/pipe" && mkfifo "$work/pipe"
  began=$EPOCHREALTIME
  env -i PATH="$PATH" KUBECONFIG="$kubeconfig" "${enter[@]}" run --listen=127.0.0.1:0 2> "$work/pipe" &
  process=$!
  exec {log}< "$work/pipe"
  read -r -t 30 -u "$log" line || fail "it prints nothing within 30 s"
  times+=($((${EPOCHREALTIME/./} - ${began/./})))
  grep -q '"message":"started"' <<< "$line" || fail "it does not start: $line"
  cat <&"$log" > /dev/null &
  kill -TERM "$process"
  wait "$process" || fail "it ends with code $? on SIGTERM"
  process=
  exec {log}<&-
done
fastest=$(printf '%s\n' "${times[@]}" | sort -n | head -1)
say "$(stat -c %s "$binary" | awk '{printf "%.1f MiB", $1 / 1048576}'); starts in $((fastest / 1000)).$((fastest % 1000 / 100)) ms (fastest of ${#times[@]})"
