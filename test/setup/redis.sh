#!/usr/bin/env bash
# Prints the path of a redis-server of 7.0 or newer: the machine's own, or one that is unpacked from Debian's package.
# Exits 1 and says why where it cannot be had.
set -euo pipefail
source "$(dirname "$0")/debian.sh"

# True for a program that runs here and is new enough.
usable() { "$1" --version 2>/dev/null | grep -qE 'v=([7-9]|[1-9][0-9])\.'; }

if [ -z "${POSTHOUSE_TEST_UNPACK_REDIS:-}" ] && own=$(command -v redis-server) && usable "$own"; then
  echo "$own"
  exit 0
fi
unpack_debian usable usr/bin/redis-server \
  "install Redis 7.0 or newer (Debian and Ubuntu: apt-get install redis-server), then run this again" redis-server redis-tools
