#!/usr/bin/env bash
# Builds what is not there, starts a node, and runs the scenarios beside it:  run.sh [PART-OF-A-SCENARIO'S-NAME…]
#
# The exit code is 0 when all have passed, 77 when this machine cannot have a node (what is missing is said, and how to install it;
# no scenario was run), and another one when something failed. `make` turns each of them but 0 into 2.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
"$cargo" build --workspace --bins
# Before anything is built that takes minutes.
target/debug/testbed node-check
"$cargo" test --workspace --test node --no-run
exec target/debug/testbed node -- "$cargo" test --workspace --offline --quiet --test node -- --ignored --test-threads 1 "$@"
