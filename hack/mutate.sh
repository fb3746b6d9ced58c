#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# Plants small bugs in the packages, one at a time, and runs the package's tests on each. Fails when a mutant survives that
# hack/mutants.yaml does not name. Works on a copy: gremlins copies the module folder for each worker, and .cache is large.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${GREMLINS:?run make mutate}" "${PACKAGES:?run make mutate}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tree"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
	[[ ! -f $f ]] || printf '%s\0' "$f" # git still lists what was deleted
done | tar -c --null -T - | tar -x -C "$scratch/tree"
cd "$scratch/tree"

# -short leaves out what takes seconds on each mutant, so that the efficacy is a lower bound. With thirty times the tests' own time
# only endless loops time out, on a busy machine too.
for package in $PACKAGES; do
	mkdir -p "$(dirname "$scratch/reports/$package")"
	GOFLAGS="${GOFLAGS:-} -short" "$GREMLINS" unleash --timeout-coefficient 30 --output-statuses lt --output "$scratch/reports/$package.json" "./$package"
done
go run ./hack/mutants hack/mutants.yaml "$scratch/reports"
