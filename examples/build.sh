#!/usr/bin/env bash
# Builds examples to examples/build/<name>.wasm, each with its manifest inside:
# all of them, or those that are named (examples/build.sh c-vendor-token). An
# example's language is its folder's name up to the first dash.
#
# One whose toolchain is missing is skipped, loudly; with REQUIRE_TOOLCHAINS=1
# that is a failure. CREDENCE names a built credence to use instead of
# compiling one.
set -euo pipefail
cd "$(dirname "$0")/.."

# Of each language: lacks_<language> names the tools that are not there, and
# build_<language> FOLDER OUT compiles.

lacks_go() { lacking go; }

build_go() {
  GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags='-s -w' -o "$2" "./$1"
}

lacks_c() { lacking clang-19 wasm-ld-19; }

build_c() { bash wasmabi/guest-c/build.sh "$2" "$1"/*.c; }

lacks_rust() { lacking /usr/bin/rustc /usr/lib/rustlib/wasm32-unknown-unknown wasm-ld-14; }

build_rust() { bash wasmabi/guest-rust/build.sh "$1/src/lib.rs" "$2"; }

lacks_as() { lacking node npm; }

build_as() { bash wasmabi/guest-as/build.sh "$1/assembly/index.ts" "$2"; }

# lacking prints those of its arguments that are no command, file or folder.
lacking() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || [ -e "$tool" ] || printf '%s ' "$tool"
  done
}

build=examples/build
mkdir -p "$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

credence=${CREDENCE:-$work/credence}
if [ -z "${CREDENCE:-}" ]; then
  go build -o "$credence" ./cmd/credence
fi

if (($# == 0)); then
  for manifest in examples/*/manifest.json; do
    set -- "$@" "$(basename "$(dirname "$manifest")")"
  done
fi

for name in "$@"; do
  folder=examples/$name language=${name%%-*}
  if [ ! -f "$folder/manifest.json" ]; then
    echo "$name: there is no $folder/manifest.json" >&2
    exit 1
  fi
  if ! declare -F "build_$language" >/dev/null; then
    echo "$name: examples/build.sh does not know how to build $language" >&2
    exit 1
  fi
  missing=$("lacks_$language")
  if [ -n "$missing" ]; then
    rm -f "$build/$name.wasm" # an old one would pass for what is in the tree
    echo "SKIPPED $name: the toolchain lacks ${missing% }; 'make toolchains' installs it" >&2
    [ "${REQUIRE_TOOLCHAINS:-}" != 1 ] || exit 1
    continue
  fi
  "build_$language" "$folder" "$work/$name.wasm"
  "$credence" module pack --manifest "$folder/manifest.json" "$work/$name.wasm" -o "$build/$name.wasm"
  echo "$build/$name.wasm  $(wc -c <"$build/$name.wasm") bytes"
done
