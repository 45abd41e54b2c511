#!/usr/bin/env bash
# One hash over every file that git tracks or would track: equal before and after means that nothing changed.
set -eu
cd "$(git rev-parse --show-toplevel)"
git ls-files -z -co --exclude-standard | sort -z | xargs -0 sh -c 'for f; do [ -e "$f" ] && sha256sum "$f"; done' sh | sha256sum
