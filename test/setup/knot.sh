#!/usr/bin/env bash
# Prints the path of a knotd, a real authoritative name server: the machine's own, or one that is unpacked from Debian's
# package into .cache/ without being installed, so that no service starts. Exits 1 and says why where it cannot be had;
# the tests that want it are skipped then.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

say() { echo "test set-up: $*" >&2; }

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if [ -z "${POSTHOUSE_TEST_UNPACK_KNOT:-}" ] && command -v knotd; then exit 0; fi

wrapper="$root/.cache/knot/knotd"
if "$wrapper" --version >/dev/null 2>&1; then
  echo "$wrapper"
  exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
  say "no knotd: install Knot DNS (https://www.knot-dns.cz) to run the tests against a real name server; they are skipped"
  exit 1
}

mkdir -p "$root/.cache"
new=$(mktemp -d "$root/.cache/knot-new.XXXXXX")
trap 'rm -rf "$new"' EXIT
# What is missing beside knot itself; a simulation needs no root.
packages() { apt-get -s -qq --no-install-recommends --reinstall install knot | awk '$1 == "Inst" { print $2 }'; }
fetch() { (cd "$new" && packages | xargs -r apt-get -qq download >&2 && ls ./*.deb >/dev/null); }
say "fetching knot (once) ..."
if ! fetch 2>/dev/null; then
  # Fresh containers come without package lists.
  if [ "$(id -u)" = 0 ]; then apt-get -o DPkg::Lock::Timeout=300 update -qq >&2 || true; fi
  fetch || {
    say "no knotd: apt-get could not fetch it; the tests against a real name server are skipped"
    exit 1
  }
fi
for package in "$new"/*.deb; do dpkg -x "$package" "$new/root"; done
rm -f "$new"/*.deb
cat >"$new/knotd" <<'WRAPPER'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
libraries=$(find "$here/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -)
LD_LIBRARY_PATH="$libraries" exec "$here/root/usr/sbin/knotd" "$@"
WRAPPER
chmod +x "$new/knotd"
"$new/knotd" --version >/dev/null || {
  say "no knotd: the one that was fetched does not run here; the tests against a real name server are skipped"
  exit 1
}
chmod 755 "$new"
# Whoever was first has made the same: theirs stays. A broken one goes.
if ! "$wrapper" --version >/dev/null 2>&1; then rm -rf "$root/.cache/knot"; fi
mv -T "$new" "$root/.cache/knot" 2>/dev/null || [ -x "$wrapper" ]
echo "$wrapper"
