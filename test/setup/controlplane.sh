#!/usr/bin/env bash
# Prints a folder that has kube-apiserver, kube-controller-manager, kubectl, etcd and helm. Each is looked for in
# $KUBEBUILDER_ASSETS, then in .cache/controlplane/<hash of what pins them>, and what is in neither is built there with Go
# from test/harness/controlplane/: some ten minutes on two cores, once. Exits 1 and says what to do where that cannot be done.
#
# It may be interrupted: a program is in its place as a whole or not at all, and Go keeps what it has compiled. Of two runs
# at once one builds and the other waits.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pins="$root/test/harness/controlplane"
programs=(etcd helm kube-apiserver kube-controller-manager kubectl)

say() { echo "test set-up: $*" >&2; }

# What an interrupted run or a full disk left is no program.
usable() { [ -x "$1" ] && [ -s "$1" ]; }

# missing_in FOLDER...: the programs that none of the folders has.
missing_in() {
  local program folder
  for program in "${programs[@]}"; do
    for folder in "$@"; do
      if usable "$folder/$program"; then continue 2; fi
    done
    echo "$program"
  done
}

assets=${KUBEBUILDER_ASSETS:+$(cd "$KUBEBUILDER_ASSETS" 2>/dev/null && pwd || true)}
if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -z "$assets" ]; then say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS is no folder"; fi
if [ -n "$assets" ] && [ -z "$(missing_in "$assets")" ]; then
  echo "$assets"
  exit 0
fi

hash=$(cd "$pins" && cat etcd/go.sum helm/go.sum kubernetes/go.sum | cksum | cut -d ' ' -f 1)
home="$root/.cache/controlplane/$hash"
child= new=
clean_up() {
  if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; fi
  if [ -n "$new" ]; then rm -rf "$new"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Go says little for minutes: this says how far it is until the process ends.
watch_build() {
  local pid=$1 log=$2 name=$3 packages=$4 from=$SECONDS next=20 pause=0.1
  while kill -0 "$pid" 2>/dev/null; do
    sleep "$pause"
    # A build out of Go's cache is quick, others are not.
    if [ $((SECONDS - from)) -ge 2 ]; then pause=1; fi
    if [ $((SECONDS - from)) -lt "$next" ]; then continue; fi
    next=$((next + 20))
    say "  $name: $((SECONDS - from)) s, compiled $(grep -c . "$log" || true) of at most $packages packages"
  done
}

# build MODULE LDFLAGS: builds the tools of a go.mod and moves them to their place.
build() {
  local module=$1 flags=$2 packages tools from=$SECONDS
  new=$(mktemp -d "$home/new.XXXXXX")
  cd "$pins/$module"
  say "  $module: fetching its modules ..."
  tools=$(go list tool 2>"$new/log") && packages=$(go list -mod=readonly -deps $tools 2>>"$new/log" | wc -l) || give_up "$module"
  mkdir "$new/bin"
  : >"$new/log"
  # No more than four at once: the compiler takes up to a gigabyte for some packages.
  CGO_ENABLED=0 go build -v -p "$(parallel)" -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w $flags" -o "$new/bin/" $tools \
    </dev/null >/dev/null 2>"$new/log" &
  child=$!
  watch_build "$child" "$new/log" "$module" "$packages"
  wait "$child" || give_up "$module"
  child=
  if [ "$module" = etcd ]; then mv "$new/bin/server" "$new/bin/etcd"; fi
  mv -f "$new"/bin/* "$home/"
  rm -rf "$new"
  new=
  say "  $module: done after $((SECONDS - from)) s"
}

parallel() {
  local cores
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
  echo $((cores < 4 ? cores : 4))
}

give_up() {
  child=
  tail -n 20 "$new/log" >&2
  say "Go could not build $1. $(advice)"
  exit 1
}

advice() {
  echo "The tests need kube-apiserver, kube-controller-manager, kubectl, etcd and helm. Any of: set KUBEBUILDER_ASSETS to a folder that has them;" \
    "put them into $home; install Go 1.26 or newer (https://go.dev/dl) and a way to its modules (GOPROXY), and run this again"
}

# The Go that is here, and none that it would fetch itself.
export GOTOOLCHAIN=local GOWORK=off
usable_go() { [[ $(go version 2>/dev/null) =~ \ go(1\.(2[6-9]|[3-9][0-9])|[2-9]) ]]; }

version_of() { sed -n "s|^require $2 \(v[^ ]*\).*|\1|p" "$pins/$1/go.mod"; }

# Whether a program whose name begins like this is missing. A grep -q in a pipe would break it off, which pipefail takes for a no.
needs() { [[ $'\n'$(missing_in "${folders[@]}") == *$'\n'"$1"* ]]; }

build_missing() {
  local kubernetes major_minor version=k8s.io/component-base/version client=k8s.io/client-go/pkg/version
  usable_go || {
    say "no Go 1.26 or newer ($(go version 2>/dev/null || echo none in PATH)). $(advice)"
    exit 1
  }
  say "building $(missing_in "${folders[@]}" | paste -sd ' ' -) from source (once; some ten minutes on two cores) ..."
  kubernetes=$(version_of kubernetes k8s.io/kubernetes)
  major_minor=${kubernetes#v} && major_minor=${major_minor%.*}
  if needs etcd; then build etcd ""; fi
  if needs helm; then build helm "-X helm.sh/helm/v4/internal/version.version=$(version_of helm helm.sh/helm/v4)"; fi
  if needs kube; then
    build kubernetes "-X $version.gitVersion=$kubernetes -X $version.gitMajor=${major_minor%.*} \
      -X $version.gitMinor=${major_minor#*.} -X $client.gitVersion=$kubernetes"
  fi
}

# What is missing from the assets comes from the cache. A setup without kube-controller-manager and helm is common.
folders=(${assets:+"$assets"} "$home")
if [ -n "$(missing_in "${folders[@]}")" ]; then
  mkdir -p "$home"
  # Where there is no flock, two runs at once both build: slow, and no harm.
  if command -v flock >/dev/null; then
    exec 9>"$home/lock"
    flock -n 9 || { say "another run is building the control plane; waiting for it ..."; flock 9; }
    # Nobody builds but this one: what is there was left behind.
    rm -rf "$home"/new.*
  fi
  if [ -n "$(missing_in "${folders[@]}")" ]; then build_missing; fi
  exec 9>&-
fi
if [ -z "$assets" ]; then
  echo "$home"
  exit 0
fi

# Some from here, some from there: a folder of links to them.
mixed="$home/with-$(echo "$assets" | cksum | cut -d ' ' -f 1)"
mkdir -p "$mixed"
for program in "${programs[@]}"; do
  from=$assets
  if ! usable "$assets/$program"; then from=$home; fi
  if [ "$(readlink "$mixed/$program" || true)" != "$from/$program" ]; then
    ln -sfn "$from/$program" "$mixed/$program.$$"
    mv -fT "$mixed/$program.$$" "$mixed/$program" 2>/dev/null || mv -f "$mixed/$program.$$" "$mixed/$program"
  fi
done
echo "$mixed"
