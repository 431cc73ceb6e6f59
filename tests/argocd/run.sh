#!/usr/bin/env bash
# Builds Argo CD where it is not there, and runs the scenarios with it:  run.sh [PART-OF-A-SCENARIO'S-NAME…]
#
# The exit code is 0 when all have passed, 77 when this machine cannot build or run Argo CD (what is missing is said; no scenario was
# run), and another one when something failed. `make` turns each of them but 0 into 2.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
"$cargo" build --workspace --bins
target/debug/testbed argocd > /dev/null
exec "$cargo" test --workspace --test argocd -- --ignored --test-threads 1 "$@"
