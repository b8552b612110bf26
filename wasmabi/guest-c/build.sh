#!/usr/bin/env bash
# Compiles a service in C to a module, as it is before its manifest is packed
# in: build.sh OUT.wasm FILE.c…
set -euo pipefail
exec clang-19 --target=wasm32 -std=c11 -Wall -Wextra -Werror -O2 -mbulk-memory -ffreestanding -nostdlib -I "$(dirname "$0")" \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 -o "$@"
