#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# Renders an example with kustomize and says what came out. The last line is a YAML comment, so that the whole stays YAML.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${KUSTOMIZE:?run make demo}"
example=$1

out=$("$KUSTOMIZE" build --enable-alpha-plugins --enable-exec "examples/$example")
# kustomize exits 0 with no output when it does not run a function.
[[ -n $out ]] || { echo "demo: kustomize gave no object for examples/$example" >&2; exit 1; }
printf '%s\n' "$out"
# In what kustomize prints, "kind:" in the first column is an object's own.
printf '%s\n' "$out" | awk -v name="$example" '
	/^kind: / { total++; if (!count[$2]++) order[++kinds] = $2 }
	END {
		printf "# %s: %d objects:", name, total
		for (i = 1; i <= kinds; i++) printf "%s %d %s", (i > 1 ? "," : ""), count[order[i]], order[i]
		print ""
	}'
