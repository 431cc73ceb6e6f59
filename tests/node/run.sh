#!/usr/bin/env bash
# Builds what is not there, starts a node, and runs the scenarios beside it:  run.sh [--built] [PART-OF-A-SCENARIO'S-NAME…]
#
# The exit code is 0 when all have passed, 77 when this machine cannot have a node (what is missing is said, and how to install it;
# no scenario was run), and another one when something failed. With --built it is also 77 when the node's programs and images would
# have to be built first. `make` turns each of them but 0 into 2.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
check=(node-check)
if [ "${1:-}" = --built ]; then
  check+=(--built)
  shift
fi
"$cargo" build --workspace --bins
# Before anything is built that takes minutes.
target/debug/testbed "${check[@]}"
"$cargo" test --workspace --test node --no-run
exec target/debug/testbed node -- "$cargo" test --workspace --offline --quiet --test node -- --ignored --test-threads 1 "$@"
