#!/usr/bin/env bash
# Builds what is not there, starts a node, and runs the scenarios beside it:
#   run.sh [--built] [--optional] [PART-OF-A-SCENARIO'S-NAME…]
#
# The exit code is 0 when all have passed, 77 when this machine cannot have a node (what is missing is said, and how to install it;
# no scenario was run), and another one when something failed. With --built it is also 77 when the node's programs and images would
# have to be built first. With --optional it is 0 instead of 77, with a sentence. `make` turns each of them but 0 into 2.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
check=(node-check) optional=
while [[ ${1:-} == --* ]]; do
  case $1 in
    --built) check+=(--built) ;;
    --optional) optional=yes ;;
    *) echo "run.sh: there is no option $1" >&2; exit 2 ;;
  esac
  shift
done
"$cargo" build --workspace --bins
# Before anything is built that takes minutes.
code=0
target/debug/testbed "${check[@]}" || code=$?
if [[ $code == 77 && $optional ]]; then
  echo "left out, for what is said above: the operator's image in pods; make node-test runs it where it can"
  exit 0
fi
((code == 0)) || exit "$code"
"$cargo" test --workspace --test node --no-run
exec target/debug/testbed node -- \
  "$cargo" test --workspace --offline --quiet --test node -- --ignored --test-threads 1 --show-output "$@"
