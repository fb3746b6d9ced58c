#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# Everything that can be said about the tree without running the function. Changes nothing; goes through every check before it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${TOOLS:?run make lint}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

# check NAME COMMAND...: runs a command that says on failure what is wrong
check() {
	echo "lint: $1"
	"${@:2}" || failed+=("$1")
}

# at DIR COMMAND...
at() { (cd "$1" && "${@:2}"); }

# files REGEX: what is or would be committed, NUL-separated; in an unpacked archive all but the folders that git would ignore
files() {
	local f
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard
	else
		find . \( -path ./.cache -o -path ./bin \) -prune -o -type f -print0
	fi | while IFS= read -r -d '' f; do
		f=${f#./}
		[[ -f $f && $f =~ $1 ]] || continue # git still lists what was deleted
		printf '%s\0' "$f"
	done
}

formatted() {
	local bad
	bad=$(files '\.go$' | xargs -0 "$TOOLS/gofumpt" -l) || return
	[[ -z $bad ]] || { printf 'not formatted by gofumpt:\n%s\n' "$bad"; return 1; }
}

licensed() {
	local bad
	bad=$(files '(\.go|\.sh|^\.ci/run|(^|/)Makefile|(^|/)Dockerfile)$' |
		xargs -0 grep -LE 'SPDX-License-Identifier: Apache-2\.0|^// Code generated .* DO NOT EDIT\.$') || true
	[[ -z $bad ]] || { printf 'no SPDX line:\n%s\n' "$bad"; return 1; }
}

# Generates in a copy, so that the tree under review stays as it is.
generated() {
	mkdir "$scratch/is" &&
		files '' | tar -c --null -T - | tar -x -C "$scratch/is" &&
		cp -R "$scratch/is" "$scratch/should" &&
		make -s -C "$scratch/should" generate TOOLS="$TOOLS" &&
		at "$scratch" diff -ru is should ||
		{ echo 'generated files are not current: run make generate'; return 1; }
}

check 'formatting' formatted
check 'licence lines' licensed
while IFS= read -r -d '' mod; do
	dir=$(dirname "$mod")
	check "$mod is tidy" at "$dir" go mod tidy -diff
	[[ -n $(at "$dir" go list -e ./... 2>/dev/null) ]] || continue # a module that only pins
	check "go vet in $dir" at "$dir" go vet ./...
	check "staticcheck in $dir" at "$dir" "$TOOLS/staticcheck" -checks all ./... # all: comments are the documentation here, so their style counts
done < <(files '(^|/)go\.mod$')
check 'generated files' generated
check 'import directions' go test -count=1 -run 'TestImports|TestPurity' ./internal/archtest

((${#failed[@]} == 0)) || { printf 'lint: failed: %s\n' "${failed[@]}" >&2; exit 1; }
