#!/usr/bin/env bash
# Shows that the chaos suite finds broken products: builds the operator with each patch beside this file, and runs chaos against
# it until something is found, ten minutes at most. Prints a table: mutant, seed, seconds, the rules that found it.
#
#   run.sh [build|run] [NAME...]     both, and all, without arguments
#
# A patch that does not apply any more has to be made anew: the first line says what it breaks.
# MINUTES limits one mutant, SEED is the first seed, MUTANTS_TARGET is Cargo's folder for them.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
work=$root/target/chaos-mutants
target=${MUTANTS_TARGET:-$work/target}
case ${1:-} in build | run) what=$1 && shift ;; *) what=both ;; esac
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for patch in tests/chaos/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
mkdir -p "$work/bin"

build() {
  # A tree of its own, so that the one that is worked in stays as it is.
  [ -e "$work/tree" ] || git worktree add --quiet --detach "$work/tree" HEAD
  git -C "$work/tree" checkout --quiet --force --detach "$(git rev-parse HEAD)"
  for name in "${names[@]}"; do
    rm -f "$work/bin/$name"
    if ! git -C "$work/tree" apply --recount "$root/tests/chaos/mutants/$name.patch"; then
      echo "chaos-mutants: $name does not apply" >&2
    elif ! (cd "$work/tree" && CARGO_TARGET_DIR=$target ${CARGO:-cargo} build --quiet --workspace --bin aicore-registry-operator); then
      echo "chaos-mutants: $name does not compile" >&2
    else
      cp --remove-destination "$target/debug/aicore-registry-operator" "$work/bin/$name"
    fi
    git -C "$work/tree" checkout --quiet --force .
  done
}

run() {
  printf '%-28s %-10s %8s  %s\n' mutant seed seconds 'found by'
  missed=0
  for name in "${names[@]}"; do
    [ -e "$work/bin/$name" ] || { printf '%-28s not built\n' "$name" && missed=1 && continue; }
    began=$SECONDS
    CHAOS_OPERATOR=$work/bin/$name CHAOS_STOP=1 CHAOS_MINUTES=${MINUTES:-10} CHAOS_SEED=${SEED:-1} \
      ${CHAOS:-cargo test --quiet --workspace --test chaos --} a_long_run --ignored --nocapture >"$work/$name.log" 2>&1 || true
    seed=$(sed -n 's/^chaos: FOUND with CHAOS_SEED=\([0-9]*\).*/\1/p' "$work/$name.log" | head -1)
    rules=$(sed -n 's/^chaos: found by rule: //p' "$work/$name.log" | head -1)
    [ -n "$seed" ] || missed=1
    printf '%-28s %-10s %8s  %s\n' "$name" "${seed:-missed}" $((SECONDS - began)) "$rules"
  done
  return $missed
}

if [ "$what" != run ]; then build; fi
if [ "$what" != build ]; then run; fi
