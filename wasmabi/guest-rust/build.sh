#!/usr/bin/env bash
# Compiles a service to a module with rustc alone:
#
#   build.sh SOURCE OUT.wasm [OPTIONS]     SOURCE is the service's lib.rs
#
# OPTIONS are of rustc, for the service and not for the SDK.
# RUSTC and RUST_WASM_LD name other tools than those of Debian 12.
set -euo pipefail
sdk=$(dirname "$(realpath "$0")")
source=$1 out=$2
shift 2
rustc=${RUSTC:-/usr/bin/rustc} linker=${RUST_WASM_LD:-wasm-ld-14}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags=(--edition 2021 -D warnings --target wasm32-unknown-unknown -C opt-level=s -C panic=abort 
  --remap-path-prefix "$sdk=credence_guest" --remap-path-prefix "$(dirname "$(realpath "$source")")=service")

"$rustc" "${flags[@]}" --crate-type rlib --crate-name credence_guest -o "$work/libcredence_guest.rlib" "$sdk/src/lib.rs"

# A stack of 64 KiB instead of Rust's 1 MiB, which each instance would pay for.
"$rustc" "${flags[@]}" --crate-type cdylib --crate-name service -C lto -C strip=symbols -C "linker=$linker" -C linker-flavor=wasm-ld \
  -C link-arg=-zstack-size=65536 --extern "credence_guest=$work/libcredence_guest.rlib" -o "$out" "$@" "$source"
