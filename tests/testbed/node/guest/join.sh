#!/usr/bin/env bash
# Joins the control groups and becomes process 1 of new namespaces, which ends with this one:
#   join.sh GROUP… -- INIT ARGUMENTS…
set -euo pipefail
while [[ $1 != -- ]]; do
  echo $$ > "$1/cgroup.procs"
  shift
done
shift
exec unshare --cgroup --mount --net --pid --uts --ipc --propagation private --fork --kill-child=KILL "$@"
