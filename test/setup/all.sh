#!/usr/bin/env bash
# Everything that the tests need and npm does not bring. Quick when it is there already.
set -euo pipefail
here=$(dirname "$0")
# By far the longest the first time: the others go on beside it.
bash "$here/controlplane.sh" >/dev/null &
control_plane=$!
trap 'kill "$control_plane" 2>/dev/null || true' EXIT
bash "$here/python.sh" >/dev/null
# They say themselves what is missing; the tests that want it are skipped then, and fail where CI=true.
bash "$here/knot.sh" >/dev/null || true
bash "$here/lua.sh" >/dev/null || true
bash "$here/redis.sh" >/dev/null
bash "$here/valkey.sh" >/dev/null
wait "$control_plane"
