#!/usr/bin/env bash
# Runs a service's own tests on this machine with rustc alone: test.sh SOURCE,
# the service's lib.rs. RUSTC names another compiler than that of Debian 12.
set -euo pipefail
sdk=$(dirname "$(realpath "$0")")
rustc=${RUSTC:-/usr/bin/rustc}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$rustc" --edition 2021 -D warnings --crate-type rlib --crate-name credence_guest -o "$work/libcredence_guest.rlib" "$sdk/src/lib.rs"
"$rustc" --edition 2021 -D warnings --test --crate-name service --extern "credence_guest=$work/libcredence_guest.rlib" -o "$work/tests" "$1"
"$work/tests"
