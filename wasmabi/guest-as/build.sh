#!/usr/bin/env bash
# Compiles a service to a module:
#
#   build.sh SOURCE.ts OUT.wasm [OPTIONS]     SOURCE.ts is the service's entry file
#
# OPTIONS are of the compiler asc, for example --debug.
# The compiler is the one that package-lock.json pins; it is installed when it
# is not there. A service may import the SDK as "credence-guest".
set -euo pipefail
sdk=$(dirname "$(realpath "$0")")
source=$(realpath "$1") out=$(realpath -m "$2")
shift 2

(
  flock 9 # builds may run side by side
  if [ "$sdk/package-lock.json" -nt "$sdk/node_modules/.package-lock.json" ]; then
    (cd "$sdk" && npm ci --no-audit --no-fund >&2)
    touch "$sdk/node_modules/.package-lock.json"
  fi
) 9>"$sdk/.build.lock"

# The compiler looks for packages below node_modules, by their name.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$sdk" "$work/credence-guest"

# A failed assertion calls env.abort, which the engine takes as the end of the
# call and logs with its message, file and line.
cd "$(dirname "$source")"
"$sdk/node_modules/.bin/asc" "$(basename "$source")" -O3 --runtime incremental --exportStart _initialize --path "$work" -o "$out" "$@"
