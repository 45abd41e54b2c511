#!/usr/bin/env bash
# Makes the Python environment of the tests, and prints the path of its interpreter: a venv in .cache/, named after
# what it holds. Does nothing when it is there. It is built aside and moved into place as a whole, so that it may be
# interrupted, or run twice at once.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
wants="$root/test/setup/python"

say() { echo "test set-up: $*" >&2; }

# A Python that can make a venv with pip in it; some distributions leave that out.
usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

find_python() {
  for candidate in python3 /usr/bin/python3; do
    if usable "$candidate"; then command -v "$candidate" && return 0; fi
  done
  return 1
}

install_python() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing python3-venv with apt-get ..."
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -o DPkg::Lock::Timeout=300 update -qq &&
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends python3-venv; } >&2
}

python=$(find_python || { install_python && find_python; }) || {
  say "needs Python 3.10 or newer with the venv module: install it (Debian and Ubuntu: apt-get install python3-venv), then run this again"
  exit 1
}

# The version is part of the name: a venv does not outlive its interpreter.
name=$({ "$python" -VV; cat "$wants"/*.txt; } | cksum | cut -d ' ' -f 1)
venv="$root/.cache/python-$name"
if [ -e "$venv" ] && "$venv/bin/python" -c '' 2>/dev/null; then
  echo "$venv/bin/python"
  exit 0
fi

say "making a Python environment (once) ..."
mkdir -p "$root/.cache"
new=$(mktemp -d "$root/.cache/python-new.XXXXXX")
trap 'rm -rf "$new"' EXIT
"$python" -m venv "$new"
pip() {
  "$new/bin/python" -m pip --disable-pip-version-check --no-input --quiet install --no-deps "$@" >&2 || {
    say "pip could not install what $wants lists"
    exit 1
  }
}
pip -r "$wants/requirements-build.txt"
pip --no-build-isolation -r "$wants/requirements.txt"
"$new/bin/python" -c 'import dkim, nacl.signing'
# Whoever was first has made the same: theirs stays. A broken one goes.
if ! "$venv/bin/python" -c '' 2>/dev/null; then rm -rf "$venv"; fi
mv -T "$new" "$venv" 2>/dev/null || [ -x "$venv/bin/python" ]
echo "$venv/bin/python"
