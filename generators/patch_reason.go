// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"errors"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// refusal is an error in words of our own.
type refusal string

func (r refusal) Error() string { return string(r) }

// patchReason is a text for errors that a pattern matches.
type patchReason struct {
	pattern pattern
	text    string
}

// reasons say in words of our own what the libraries say of a patch: theirs quote its values, which may be anything. Names of fields and paths
// are shown.
var reasons = []patchReason{
	// sigs.k8s.io/yaml
	{newPattern(`(?s)^yaml: .*line (\d+): key (".*") already set in map`), "key $2 stands twice, the second time in line $1"},
	{newPattern(`^yaml: line (\d+): `), "it is not YAML near line $1"},
	{newPattern(`^yaml: `), "it is not YAML that JSON can say"},
	// sigs.k8s.io/json
	{newPattern(`^(?:unknown|duplicate) field ".*"`), "$0"},
	{newPattern(`^json: unsupported value: `), "it has a number that JSON cannot say"},
	{newPattern(`cannot unmarshal number .* into Go struct field [^. ]+\.(\S+) of type int`), "$1 must be a whole number that is in its range"},
	{newPattern(`cannot unmarshal (\w+).* into Go struct field [^. ]+\.(\S+) of type`), "$2 must not be of type $1"},
	{newPattern(`^quantities must match`), "a quantity must be a number like 100m or 128Mi"},
	// k8s.io/apimachinery/pkg/util/strategicpatch
	{newPattern(`does not contain declared merge key: (\S+)$`), "an entry of a list lacks $1, by which entries are found"},
	{newPattern(`^unknown patch type: `), "$$patch must be replace or delete"},
	{newPattern(`^unable to find api field in struct \S+ for the json field (".*")`), "unknown field $1"},
	// gopkg.in/evanphx/json-patch.v4
	{newPattern(`^Unexpected kind: `), "op must be add, remove, replace, move, copy or test"},
	{newPattern(`^testing value (.*) failed: `), "the test of $1 fails"},
	{newPattern(`(?:missing (?:from |destination )?path|missing key): "?(.*?)"?: missing value$`), "there is no $1"},
	{newPattern(`^error in \w+ for (?:path|from): '(.*?)': `), "there is no $1"},
}

// reason is what a message may say of an error.
func reason(err error) string {
	var own refusal
	if errors.As(err, &own) {
		return string(own)
	}
	for _, r := range reasons {
		if match := r.pattern().FindStringSubmatchIndex(err.Error()); match != nil {
			return redact.Path(string(r.pattern().ExpandString(nil, r.text, err.Error(), match)))
		}
	}
	return "it does not fit the object"
}
