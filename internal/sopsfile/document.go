// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"fmt"
	"iter"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/yamldoc"
)

// maxFile is the size above which Flux refuses to decrypt a file (github.com/fluxcd/kustomize-controller, internal/decryptor).
const maxFile = 5 << 20

// document returns the one document of a file, nil after reporting that it is not one.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		r.report(diag.TooLarge, "the file must not be larger than 5 MiB", "")
		return nil
	}
	docs, err := yamldoc.Parse(data)
	if err != nil {
		r.report(diag.NotOneSecret, "the file must be YAML or JSON in UTF-8, and "+err.Error(), "")
		return nil
	}
	docs = slices.DeleteFunc(docs, func(doc *yaml.Node) bool {
		r.outside = append(r.outside, doc.HeadComment, doc.FootComment)
		if yamldoc.Root(doc) != nil {
			return false
		}
		r.outside = append(r.outside, commentsBelow(doc)...)
		return true
	})
	if len(docs) != 1 {
		r.report(diag.NotOneSecret, fmt.Sprintf("the file must hold exactly one document, and holds %d", len(docs)),
			"write each Secret into a file of its own before you encrypt it")
		return nil
	}
	return yamldoc.Root(docs[0])
}

// unambiguous reports whether every tool reads the same from n, down to the last mapping.
func (r *reader) unambiguous(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		r.report(diag.NotOneSecret, "the Secret must not have YAML aliases", "write the value out")
		return false
	}
	ok := n.Kind != yaml.MappingNode || r.uniqueKeys(n)
	for _, c := range n.Content {
		ok = r.unambiguous(c) && ok
	}
	return ok
}

// uniqueKeys compares keys by their text, because JSON has no others: 1 and "1" are one key to Kubernetes.
func (r *reader) uniqueKeys(mapping *yaml.Node) bool {
	ok := true
	seen := map[string]bool{}
	for key := range pairs(mapping) {
		switch {
		case key.ShortTag() == yaml.MergeTag:
			r.report(diag.NotOneSecret, "the Secret must not have YAML merge keys", "write the fields out")
			ok = false
		case key.Kind != yaml.ScalarNode && key.Kind != yaml.AliasNode:
			r.report(diag.NotOneSecret, "every key of a mapping must be a scalar, and one is "+kindOf(key), "")
			ok = false
		case seen[key.Value]:
			r.report(diag.NotOneSecret, "the key "+quote(key.Value)+" must stand once in a mapping, and is there twice", "remove one of the two")
			ok = false
		}
		seen[key.Value] = true
	}
	return ok
}

// field is the value of a key, nil when n is no mapping or has no such key.
func field(n *yaml.Node, name string) *yaml.Node {
	for key, value := range pairs(n) {
		if key.Value == name {
			return value
		}
	}
	return nil
}

// pairs yields keys and values in the order of the document; nothing when n is no mapping.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// elements are those of a list; none when n is no list.
func elements(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// present reports whether n says anything: it is neither absent, null nor an empty collection.
func present(n *yaml.Node) bool {
	if n == nil || n.ShortTag() == yaml.NodeTagNull {
		return false
	}
	return n.Kind == yaml.ScalarNode || len(n.Content) > 0
}

// isText reports whether n is a scalar that YAML reads as a string.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagString
}

// text is the string of n, empty when it is none.
func text(n *yaml.Node) string {
	if n == nil || !isText(n) {
		return ""
	}
	return n.Value
}

// kindOf is a word for what n is, instead of what it holds.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case yaml.NodeTagNull:
		return "null"
	case yaml.NodeTagBool:
		return "a boolean"
	case yaml.NodeTagInt, yaml.NodeTagFloat:
		return "a number"
	case yaml.NodeTagString:
		return "a string"
	}
	return "of another type"
}
