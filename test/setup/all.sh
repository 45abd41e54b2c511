#!/usr/bin/env bash
# Everything that the tests need and npm does not bring. Quick when it is there already.
set -euo pipefail
here=$(dirname "$0")
bash "$here/python.sh" >/dev/null
# It says itself what is missing; the tests that want it are skipped then.
bash "$here/knot.sh" >/dev/null || true
bash "$here/redis.sh" >/dev/null
bash "$here/valkey.sh" >/dev/null
