// SPDX-License-Identifier: Apache-2.0

// Package sopsfile reads a v1 Secret that sops encrypted, without any key. It tells which keys the Secret has, whether each value is
// ciphertext, and what else stands in the way of passing the Secret on. It never decrypts, and no value and no ciphertext is ever
// part of a message.
//
// Aliases and merge keys are refused rather than resolved, anywhere in the Secret. sops writes neither, so they come from a later
// edit by hand, and they would let one line of ciphertext change several values.
package sopsfile

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// ReadFile reads the content of an entry of credentials.<role>.files: it must hold exactly one document, a v1 Secret. Documents
// that are empty or hold comments alone do not count. It accepts any bytes.
func ReadFile(file string, data []byte) generators.Secret {
	r := reader{secret: generators.Secret{File: file}}
	if node := r.document(data); node != nil && r.read(node) {
		r.layout(node, data)
	}
	return r.secret
}

// ReadItem reads a v1 Secret that is an item of the package, given as its mapping or as the document that holds it.
func ReadItem(node *yaml.Node) generators.Secret {
	var r reader
	if node != nil && node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	r.read(node)
	return r.secret
}

// reader collects what one Secret says.
type reader struct {
	secret generators.Secret
	// outside has the comments of a file that stand beside the Secret.
	outside []string
}

// report adds a problem. Nothing that the user wrote may be in message or hint but what place and redact.Text let through.
func (r *reader) report(code diag.Code, message, hint string) {
	r.secret.Problems = append(r.secret.Problems, diag.Diagnostic{Code: code, Message: message, Hint: hint})
}

// read goes on only while the document means one thing: of a document that tools read differently, no check is worth anything. It
// reports whether it came to the end.
func (r *reader) read(root *yaml.Node) bool {
	if !r.readable(root) || !r.isSecret(root) || !r.unambiguous(root) {
		return false
	}
	r.metadata(field(root, "metadata"))
	r.values(root)
	r.leaks(root)
	r.seal(root)
	return true
}

// readable refuses a Secret of which sops encrypted the fields that identify it: that is what its default rule does.
func (r *reader) readable(root *yaml.Node) bool {
	meta := field(root, "metadata")
	for _, f := range []struct {
		name string
		node *yaml.Node
	}{
		{"apiVersion", field(root, "apiVersion")},
		{"kind", field(root, "kind")},
		{"metadata.name", field(meta, "name")},
		{"metadata.namespace", field(meta, "namespace")},
	} {
		if strings.HasPrefix(text(f.node), encPrefix) {
			r.report(diag.RuleTooWide, f.name+" must be in plain text, and is encrypted, so that nobody can tell which Secret it is", ruleHint)
			return false
		}
	}
	return true
}

// isSecret reports whether root is a v1 Secret. A List is refused as well: sops gives all its Secrets one MAC.
func (r *reader) isSecret(root *yaml.Node) bool {
	switch {
	case root == nil || root.Kind != yaml.MappingNode:
		r.report(diag.NotOneSecret, "the document must be a mapping, a v1 Secret", "")
	case text(field(root, "apiVersion")) == "v1" && text(field(root, "kind")) == "Secret":
		return true
	case strings.HasSuffix(text(field(root, "kind")), "List"):
		r.report(diag.NotOneSecret, "the document must be a v1 Secret, and is a list", "write each Secret into a file of its own before you encrypt it")
	default:
		r.report(diag.NotOneSecret, "the document must have apiVersion v1 and kind Secret", "")
	}
	return false
}

// metadata reads what identifies the Secret, and refuses what would act on it in the cluster.
func (r *reader) metadata(meta *yaml.Node) {
	r.secret.Name = r.metadataText(meta, "name")
	r.secret.Namespace = r.metadataText(meta, "namespace")
	if r.secret.Name == "" && !present(field(meta, "name")) {
		r.report(diag.NotOneSecret, "metadata.name must be given", "")
	}
	for _, name := range []string{"ownerReferences", "finalizers"} {
		if present(field(meta, name)) {
			r.report(diag.SecretMetadata, "metadata."+name+" must not be set", "remove it from the Secret")
		}
	}
	r.annotations(field(meta, "annotations"))
}

// metadataText is a text field of metadata, empty when it is absent.
func (r *reader) metadataText(meta *yaml.Node, name string) string {
	n := field(meta, name)
	if present(n) && !isText(n) {
		r.report(diag.NotOneSecret, "metadata."+name+" must be text", "put it in quotes")
	}
	return text(n)
}

// values reads data and stringData.
func (r *reader) values(root *yaml.Node) {
	r.secret.Keys = map[string]generators.SecretKey{}
	for _, section := range sections {
		n := field(root, section)
		if !present(n) {
			continue
		}
		if n.Kind != yaml.MappingNode {
			r.report(diag.PlaintextSecret, section+" must be a mapping of keys to encrypted text, and is "+kindOf(n), encryptHint)
			continue
		}
		for key, value := range pairs(n) {
			r.value(section, key, value)
		}
	}
}

// value reads one entry of data or stringData.
func (r *reader) value(section string, key, value *yaml.Node) {
	if !isText(key) {
		r.report(diag.NotOneSecret, place(section, key.Value)+": the key must be text, and is "+kindOf(key), "put the key in quotes")
		return
	}
	if _, twice := r.secret.Keys[key.Value]; twice {
		// Neither value need be plain text, so it is no PlaintextSecret: the Secret has two contents, as with a duplicate key.
		r.report(diag.NotOneSecret, "the key "+quote(key.Value)+" must stand in data or in stringData, and is in both", "remove one of the two and encrypt again")
		return
	}
	r.secret.Keys[key.Value] = r.check(section, key.Value, value)
}

const leakHint = "remove it, and rotate it if it was committed"

// leaks looks for known secrets where nothing is encrypted: outside of data and stringData, and in comments.
func (r *reader) leaks(root *yaml.Node) {
	for key, value := range pairs(root) {
		if slices.Contains(sections, key.Value) {
			continue
		}
		kind, found := findSecret(key)
		if !found {
			kind, found = findSecret(value)
		}
		if found {
			r.report(diag.PlaintextSecret, quote(key.Value)+" holds "+string(kind)+" in plain text", leakHint)
		}
	}
	for _, comment := range append(r.outside, commentsBelow(root)...) {
		if kind, found := redact.Find(comment); found {
			r.report(diag.PlaintextSecret, "a comment holds "+string(kind)+" in plain text", leakHint)
			return
		}
	}
}

// findSecret looks through every key and value below n.
func findSecret(n *yaml.Node) (redact.Kind, bool) {
	if kind, found := redact.Find(n.Value); found {
		return kind, true
	}
	for _, c := range n.Content {
		if kind, found := findSecret(c); found {
			return kind, true
		}
	}
	return "", false
}

// place names an entry in a message.
func place(section, key string) string { return section + "[" + shown(key) + "]" }

// quote shows a map key in running text.
func quote(key string) string { return `"` + shown(key) + `"` }

// shown is a map key as a message may hold it. A key is the user's text as much as a value is, and may be a misplaced one.
func shown(key string) string {
	if strings.Contains(key, encPrefix) {
		return redact.Mask
	}
	return redact.Text(key)
}
