#!/usr/bin/env bash
# Prints the path of a knotd, a real authoritative name server: the machine's own, or one that is unpacked from Debian's
# package. Exits 1 and says why where it cannot be had; the tests that want it are skipped then, and fail where CI=true.
set -euo pipefail
source "$(dirname "$0")/debian.sh"

usable() { "$1" --version >/dev/null 2>&1; }

if [ -z "${POSTHOUSE_TEST_UNPACK_KNOT:-}" ] && command -v knotd; then exit 0; fi
unpack_debian usable usr/sbin/knotd \
  "install Knot DNS (https://www.knot-dns.cz) to run the tests against a real name server; they are skipped" knot
