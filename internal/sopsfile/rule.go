// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// rules are the fields of a sops block that select what is encrypted; sops allows one of them. Each looks at every part of a path
// (github.com/getsops/sops, sops.go, shouldBeEncrypted): matches says whether one part meets it, and inverted that this leaves the
// value in plain text.
var rules = []struct {
	field    string
	inverted bool
	matches  func(value string) func(part string) bool
}{
	{"unencrypted_suffix", true, suffix},
	{"encrypted_suffix", false, suffix},
	{"unencrypted_regex", true, expression},
	{"encrypted_regex", false, expression},
}

// commentRules select by comments, which kustomize drops.
var commentRules = []string{"unencrypted_comment_regex", "encrypted_comment_regex"}

// defaultSuffix is the rule of a block without one (github.com/getsops/sops, sops.go).
const defaultSuffix = "_unencrypted"

func suffix(value string) func(string) bool {
	return func(part string) bool { return strings.HasSuffix(part, value) }
}

// expression matches nothing when it is none: sops drops the error.
func expression(value string) func(string) bool {
	re, err := regexp.Compile(value)
	if err != nil {
		return func(string) bool { return false }
	}
	return re.MatchString
}

const ruleHint = "set encrypted_regex: ^(data|stringData)$ in .sops.yaml and encrypt the plain file again"

// rule checks what the block selects. It is what the next sops edit goes by.
func (r *reader) rule(block, root *yaml.Node) {
	var set []string
	name, selects := "the default rule of sops", &selection{true, suffix(defaultSuffix)}
	for _, rule := range rules {
		if value := text(field(block, rule.field)); value != "" {
			set = append(set, rule.field)
			name, selects = "sops."+rule.field, &selection{rule.inverted, rule.matches(value)}
		}
	}
	for _, byComment := range commentRules {
		if text(field(block, byComment)) != "" {
			set = append(set, byComment)
			selects = nil
		}
	}
	switch {
	case len(set) > 1:
		r.report(diag.NotSealed, "the sops block has "+strings.Join(set, " and ")+", and sops allows one of them", ruleHint)
	case selects == nil:
		r.report(diag.RuleMisses, "sops."+set[0]+" selects values by their comments, which kustomize drops, so that sops decrypts others then", ruleHint)
	default:
		r.tooWide(name, selects, root)
		r.tooNarrow(name, selects, root)
	}
}

// selection is what a rule selects.
type selection struct {
	inverted bool
	matches  func(part string) bool
}

// value reports whether the value at a path is encrypted.
func (s *selection) value(path ...string) bool {
	return slices.ContainsFunc(path, s.matches) != s.inverted
}

// below reports whether any value at or below n is encrypted; matched says whether a part of the path to it matches. The index of a
// list is no part of it.
func (s *selection) below(n *yaml.Node, matched bool) bool {
	if n == nil || n.Kind == yaml.ScalarNode {
		return matched != s.inverted
	}
	for key, value := range pairs(n) {
		if s.below(value, matched || s.matches(key.Value)) {
			return true
		}
	}
	return slices.ContainsFunc(elements(n), func(e *yaml.Node) bool { return s.below(e, matched) })
}

// readable are the fields that hosts and Kubernetes read before anybody decrypts.
var readable = []string{"apiVersion", "kind", "metadata", "type"}

func (r *reader) tooWide(name string, selects *selection, root *yaml.Node) {
	var wide []string
	for _, top := range readable {
		if selects.value(top) || selects.below(field(root, top), selects.matches(top)) {
			wide = append(wide, top)
		}
	}
	if len(wide) > 0 {
		r.report(diag.RuleTooWide, name+" must leave apiVersion, kind, metadata and type alone, and selects "+strings.Join(wide, ", "), ruleHint)
	}
}

// tooNarrow reports the values that sops would not decrypt; else the sections in which a new value would not be encrypted.
func (r *reader) tooNarrow(name string, selects *selection, root *yaml.Node) {
	missed := false
	var open []string
	for _, section := range sections {
		for key, value := range pairs(field(root, section)) {
			if isText(value) && malformed(value.Value) == "" && !selects.value(section, key.Value) {
				r.report(diag.RuleMisses, name+" does not select "+place(section, key.Value)+", so that sops does not decrypt it", ruleHint)
				missed = true
			}
		}
		if !selects.value(section) {
			open = append(open, section)
		}
	}
	if len(open) > 0 && !missed {
		r.report(diag.RuleTooNarrow, name+" does not select all of "+strings.Join(open, " and ")+", so that a value added there stays in plain text", ruleHint)
	}
}
