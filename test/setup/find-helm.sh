#!/usr/bin/env bash
# Prints the path of a helm 4 that is here already: in KUBEBUILDER_ASSETS, built for the tests, or in PATH. Builds nothing;
# exits 1 where there is none.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
for helm in "${KUBEBUILDER_ASSETS:-/nowhere}/helm" "$root"/.cache/controlplane/*/helm "$(command -v helm || true)"; do
  if [ -x "$helm" ] && "$helm" version --short 2>/dev/null | grep -q '^v4'; then
    echo "$helm"
    exit 0
  fi
done
exit 1
