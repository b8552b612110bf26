#!/usr/bin/env bash
# Installs the compilers of the examples that are missing, from the packages of
# Debian 12 (as root): clang-19 with its linker for C, rustc with the library
# for wasm32 and a linker for Rust. Go is there already, and AssemblyScript
# comes with npm.
set -euo pipefail

# package, and the file that shows that it is installed
wanted=(
  "clang-19 /usr/bin/clang-19"
  "lld-19 /usr/bin/wasm-ld-19"
  "rustc /usr/bin/rustc"
  "libstd-rust-dev-wasm32 /usr/lib/rustlib/wasm32-unknown-unknown"
  "lld-14 /usr/bin/wasm-ld-14"
)

packages=()
for entry in "${wanted[@]}"; do
  read -r package file <<<"$entry"
  if [ -e "$file" ]; then
    echo "$package is there: $file"
  else
    packages+=("$package")
  fi
done
if ((${#packages[@]} == 0)); then
  exit 0
fi

install=(apt-get install -y --no-install-recommends "${packages[@]}")
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "missing: ${packages[*]}. As root, on Debian 12: apt-get update && ${install[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "apt-get update"
apt-get update -q
echo "${install[*]}"
"${install[@]}"
