#!/usr/bin/env bash
# Prints the path of a Lua 5.1, the language of Argo CD's health checks: the machine's own, or one that is unpacked from
# Debian's package; where neither is to be had, a later Lua of the machine, which runs what 5.1 runs of these scripts.
# Exits 1 and says why where there is none; the tests that want it are skipped then, and fail where CI=true.
set -euo pipefail
source "$(dirname "$0")/debian.sh"

usable() { "$1" -v 2>&1 | grep -qE '^(Lua 5\.1|LuaJIT 2)'; }

for own in lua5.1 lua luajit; do
  if path=$(command -v "$own") && usable "$path"; then
    echo "$path"
    exit 0
  fi
done
unpack_debian usable usr/bin/lua5.1 "looking for a later Lua instead" lua5.1 && exit 0
for own in lua lua5.4 lua5.3 lua5.2; do
  if command -v "$own"; then exit 0; fi
done
say "no Lua: install lua5.1 to test the health checks for Argo CD"
exit 1
