#!/usr/bin/env bash
# A checker that cannot fail is worthless. Each mutant is a build of the program
# without one of its rules (build tag mutant_…, beside the code where the rule
# acts). The simulation must find each of them within its usual number of seeds.
set -euo pipefail
cd "$(dirname "$0")"
export GOMAXPROCS=1 GOGC=400 SEEDS="${SEEDS:-10000}"

hunt() {
  local tag=$1 out
  out=$(mktemp -d)
  trap 'rm -rf "$out"' RETURN
  if ! go test -tags "$tag" -c -o "$out/test" . >"$out/log" 2>&1; then
    cat "$out/log"
    printf '%-16s DOES NOT BUILD\n' "$tag"
    return 1
  fi
  if "$out/test" -test.run Invariants -test.timeout 15m >"$out/log" 2>&1; then
    printf '%-16s NOT CAUGHT in %s seeds\n' "$tag" "$SEEDS"
    return 1
  fi
  local seed by
  seed=$(sed -nE 's/.*\(SEED=([0-9]+) replays it\).*/\1/p' "$out/log" | head -1)
  by=$(sed '1,/wrong:/d' "$out/log" | sed -nE 's/^ *(I[1-8]b?|L): .*/\1/p' | sort -u | paste -sd' ')
  if [[ -z "$by" ]]; then
    tail -40 "$out/log"
    printf '%-16s FAILED without breaking an invariant\n' "$tag"
    return 1
  fi
  printf '%-16s caught after %d seeds by %s\n' "$tag" $((seed + 1)) "$by"
}
export -f hunt

mapfile -t tags < <(grep -rhoE --include='*.go' '^//go:build mutant_[a-z]+$' ../../../engine | sed 's/.* //' | sort -u)
printf '%s\n' "${tags[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'hunt {}'
