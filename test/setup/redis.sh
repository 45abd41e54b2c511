#!/usr/bin/env bash
# Prints the path of a redis-server of 7.0 or newer: the machine's own, or one that is unpacked from Debian's package
# into .cache/ without being installed, so that no service starts. Exits 1 and says why where it cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

say() { echo "test set-up: $*" >&2; }

# True for a program that runs here and is new enough.
usable() { "$1" --version 2>/dev/null | grep -qE 'v=([7-9]|[1-9][0-9])\.'; }

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if [ -z "${POSTHOUSE_TEST_UNPACK_REDIS:-}" ] && own=$(command -v redis-server) && usable "$own"; then
  echo "$own"
  exit 0
fi

wrapper="$root/.cache/redis/redis-server"
if usable "$wrapper"; then
  echo "$wrapper"
  exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
  say "no redis-server: install Redis 7.0 or newer (Debian and Ubuntu: apt-get install redis-server), then run this again"
  exit 1
}

mkdir -p "$root/.cache"
new=$(mktemp -d "$root/.cache/redis-new.XXXXXX")
trap 'rm -rf "$new"' EXIT
# What is missing beside Redis itself; a simulation needs no root.
packages() { apt-get -s -qq --no-install-recommends --reinstall install redis-server redis-tools | awk '$1 == "Inst" { print $2 }'; }
fetch() { (cd "$new" && packages | xargs -r apt-get -qq download >&2 && ls ./*.deb >/dev/null); }
say "fetching redis-server (once) ..."
if ! fetch 2>/dev/null; then
  # Fresh containers come without package lists.
  if [ "$(id -u)" = 0 ]; then apt-get -o DPkg::Lock::Timeout=300 update -qq >&2 || true; fi
  fetch || {
    say "no redis-server: apt-get could not fetch it; install Redis 7.0 or newer, then run this again"
    exit 1
  }
fi
for package in "$new"/*.deb; do dpkg -x "$package" "$new/root"; done
rm -f "$new"/*.deb
cat >"$new/redis-server" <<'WRAPPER'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
libraries=$(find "$here/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -)
LD_LIBRARY_PATH="$libraries" exec "$here/root/usr/bin/redis-server" "$@"
WRAPPER
chmod +x "$new/redis-server"
usable "$new/redis-server" || {
  say "no redis-server: the one that was fetched does not run here, or is older than 7.0; install Redis 7.0 or newer"
  exit 1
}
chmod 755 "$new"
# Whoever was first has made the same: theirs stays. A broken one goes.
if ! usable "$wrapper"; then rm -rf "$root/.cache/redis"; fi
mv -T "$new" "$root/.cache/redis" 2>/dev/null || [ -x "$wrapper" ]
echo "$wrapper"
