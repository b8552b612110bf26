#!/usr/bin/env bash
# Builds every example in Go to examples/build/<name>.wasm, with its manifest
# inside. CREDENCE names a built credence to use instead of compiling one.
set -euo pipefail
cd "$(dirname "$0")/.."

build=examples/build
mkdir -p "$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

credence=${CREDENCE:-$work/credence}
if [ -z "${CREDENCE:-}" ]; then
  go build -o "$credence" ./cmd/credence
fi

for manifest in examples/go-*/manifest.json; do
  folder=$(dirname "$manifest")
  name=$(basename "$folder")
  GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags='-s -w' -o "$work/$name.wasm" "./$folder"
  "$credence" module pack --manifest "$manifest" "$work/$name.wasm" -o "$build/$name.wasm"
  echo "$build/$name.wasm  $(wc -c <"$build/$name.wasm") bytes"
done
