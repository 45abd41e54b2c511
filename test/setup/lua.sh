#!/usr/bin/env bash
# Prints the path of a Lua 5.1, the language of Argo CD's health checks: the machine's own, or one that is unpacked from
# Debian's package. Exits 1 and says why where it cannot be had; the tests that want it are skipped then.
set -euo pipefail
source "$(dirname "$0")/debian.sh"

usable() { "$1" -v 2>&1 | grep -q '^Lua 5\.1'; }

for own in lua5.1 lua; do
  if path=$(command -v "$own") && usable "$path"; then
    echo "$path"
    exit 0
  fi
done
unpack_debian usable usr/bin/lua5.1 "install Lua 5.1 to test the health checks for Argo CD; they are skipped" lua5.1
