# To be sourced: unpacks a program of Debian's packages into .cache/ without installing it, so that no service starts.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH="$PATH:/usr/sbin:/usr/local/sbin"

say() { echo "test set-up: $*" >&2; }

# unpack_debian CHECK PROGRAM ADVICE PACKAGE...
# Prints the path of .cache/<first package>/<name of PROGRAM>, a wrapper around PROGRAM, the path inside the packages. CHECK is a command that
# is true for a program that runs here and will do. When there is none to be had it says why and ADVICE, and returns 1.
unpack_debian() {
  local check=$1 program=$2 advice=$3
  shift 3
  local name=${program##*/} home="$root/.cache/$1" new
  if "$check" "$home/$name"; then
    echo "$home/$name"
    return
  fi
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || { say "no $name: $advice"; return 1; }

  mkdir -p "$root/.cache"
  new=$(mktemp -d "$home-new.XXXXXX")
  # shellcheck disable=SC2064 # The folder of now.
  trap "rm -rf '$new'" EXIT
  say "fetching $name (once) ..."
  if ! fetch_debian "$new" "$@" 2>/dev/null; then
    # Fresh containers come without package lists.
    if [ "$(id -u)" = 0 ]; then apt-get -o DPkg::Lock::Timeout=300 update -qq >&2 || true; fi
    fetch_debian "$new" "$@" || { say "no $name: apt-get could not fetch it; $advice"; return 1; }
  fi
  for package in "$new"/*.deb; do dpkg -x "$package" "$new/unpacked"; done
  rm -f "$new"/*.deb
  cat >"$new/$name" <<WRAPPER
#!/bin/sh
here=\$(cd "\$(dirname "\$0")" && pwd)
libraries=\$(find "\$here/unpacked" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -)
LD_LIBRARY_PATH="\$libraries" exec "\$here/unpacked/$program" "\$@"
WRAPPER
  chmod 755 "$new" "$new/$name"
  "$check" "$new/$name" || { say "no $name: the one that was fetched will not do here; $advice"; return 1; }
  # Whoever was first has made the same: theirs stays. A broken one goes.
  if ! "$check" "$home/$name"; then rm -rf "$home"; fi
  mv -T "$new" "$home" 2>/dev/null || [ -x "$home/$name" ]
  echo "$home/$name"
}

# Downloads packages, and what is missing beside them, into a folder. A simulation needs no root.
fetch_debian() {
  local folder=$1
  shift
  (
    cd "$folder"
    apt-get -s -qq --no-install-recommends --reinstall install "$@" | awk '$1 == "Inst" { print $2 }' |
      xargs -r apt-get -qq download >&2
    ls ./*.deb >/dev/null
  )
}
