// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
	"github.com/restate-integration/restate-integration/internal/yamldoc"
)

// maxParsed is the size up to which a file is read as YAML; sopsfile refuses larger Secrets. Beyond it only known secrets are
// looked for.
const maxParsed = 5 << 20

const leakHint = "remove it, and rotate it if it was committed"

// finding is one line of the check: a diagnostic, and the line of the file that it is about; 0 for the file as a whole.
type finding struct {
	line int
	diag.Diagnostic
}

// inspection is what is known of one file.
type inspection struct {
	name     string
	check    func(generators.Secret) []diag.Diagnostic
	findings []finding
	// secrets counts the v1 Secrets.
	secrets int
	// sealed says that something beside others in the file was encrypted by sops, whose MAC is that of the whole file then.
	sealed bool
	// unread says why the file was not read as YAML, empty when it was.
	unread string
	// covered has the lines, first and last, whose secrets are reported already.
	covered [][2]int
}

// inspect looks at every document of a file: the Secrets go to check, and nothing else may hold a known secret.
func inspect(name string, data []byte, check func(generators.Secret) []diag.Diagnostic) inspection {
	i := inspection{name: name, check: check}
	docs, err := documents(data)
	switch {
	case err != nil && bytes.Contains(data, []byte("ENC[AES256_GCM,")):
		i.secret(0, sopsfile.ReadFile(name, data)) // sops wrote this, and nobody can read it any more
	case err != nil:
		i.unread = err.Error()
	case len(docs) == 1 && isSecret(docs[0]):
		i.alone(docs[0], data)
	default:
		for _, doc := range docs {
			i.object(doc, "")
		}
		if i.sealed && i.secrets > 0 {
			i.secret(0, sopsfile.ReadFile(name, data))
		}
	}
	i.lines(data)
	return i
}

// add puts a finding behind those of the lines before it.
func (i *inspection) add(line int, d diag.Diagnostic) {
	i.findings = append(i.findings, finding{line, d})
	for at := len(i.findings) - 1; at > 0 && i.findings[at-1].line > line; at-- {
		i.findings[at-1], i.findings[at] = i.findings[at], i.findings[at-1]
	}
}

// documents returns the documents that are not empty. The texts of its errors hold nothing of the file.
func documents(data []byte) ([]*yaml.Node, error) {
	if len(data) > maxParsed {
		return nil, errors.New("is larger than 5 MiB")
	}
	docs, err := yamldoc.Parse(data)
	return yamldoc.Roots(docs), err
}

// object takes one object apart, at path when it stands in a list.
func (i *inspection) object(n *yaml.Node, path string) {
	items := yamldoc.Field(n, "items")
	i.sealed = i.sealed || sealed(n)
	switch {
	case isSecret(n):
		i.item(n)
	case items != nil && items.Kind == yaml.SequenceNode && strings.HasSuffix(yamldoc.Text(n, "kind"), "List"):
		for at, item := range items.Content {
			i.object(item, fmt.Sprintf("%sitems[%d].", path, at))
		}
		for k := 0; k+1 < len(n.Content); k += 2 {
			if n.Content[k].Value != "items" {
				i.leaks(n, n.Content[k+1], path+segment("", n.Content[k].Value))
			}
		}
	default:
		i.leaks(n, n, strings.TrimSuffix(path, "."))
	}
}

// alone is for a file that is one Secret, as it should be: order, comments and all else that a host drops can be checked.
func (i *inspection) alone(n *yaml.Node, data []byte) {
	i.secrets++
	if i.secret(0, sopsfile.ReadFile(i.name, data)) {
		i.covered = append(i.covered, [2]int{1, math.MaxInt})
		return
	}
	i.leaks(n, n, "")
}

// item is a Secret beside others, of which only what is in the document itself can be checked.
func (i *inspection) item(n *yaml.Node) {
	i.secrets++
	s := sopsfile.ReadItem(n)
	s.File = i.name
	if i.secret(n.Line, s) {
		above := 0
		if len(n.Content) > 0 && n.Content[0].HeadComment != "" {
			above = 1 + strings.Count(n.Content[0].HeadComment, "\n")
		}
		i.covered = append(i.covered, [2]int{n.Line - above, lastLine(n)})
		return
	}
	i.leaks(n, n, "")
}

func lastLine(n *yaml.Node) int {
	last := n.Line + strings.Count(n.Value, "\n")
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// secret reports what is wrong with a Secret, and whether it could be read at all. If so, the findings are about all of its text.
func (i *inspection) secret(line int, s generators.Secret) (read bool) {
	for _, d := range i.check(s) {
		d.Subject = diag.Subject{Kind: "Secret", Namespace: s.Namespace, Name: s.Name}
		i.add(line, d)
	}
	return s.Keys != nil
}

// leaks reports each key and value below n that holds a known secret; n is a part of object.
func (i *inspection) leaks(object, n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.ScalarNode:
		i.leak(object, n, path, "")
	case yaml.SequenceNode:
		for at, c := range n.Content {
			i.leaks(object, c, fmt.Sprintf("%s[%d]", path, at))
		}
	case yaml.MappingNode:
		for k := 0; k+1 < len(n.Content); k += 2 {
			i.leak(object, n.Content[k], path, "has a key that ")
			i.leaks(object, n.Content[k+1], segment(path, n.Content[k].Value))
		}
	}
}

// leak reports one scalar, if it holds a known secret.
func (i *inspection) leak(object, n *yaml.Node, path, what string) {
	kind, found := redact.Find(n.Value)
	if !found {
		return
	}
	last := n.Line + strings.Count(n.Value, "\n")
	if n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle {
		last++ // its text begins one line below the indicator
	}
	i.covered = append(i.covered, [2]int{n.Line, last})
	i.add(n.Line, diag.Diagnostic{
		Code: leakCode(object), Path: path, Message: what + "holds " + string(kind) + " in plain text", Hint: leakHint, Subject: subject(object),
	})
}

// leakCode is that of the function for the same finding.
func leakCode(object *yaml.Node) diag.Code {
	if yamldoc.Text(object, "kind") == v1alpha1.Kind {
		return diag.SecretInSpec
	}
	return diag.SecretInItem
}

// lines looks at the text itself, for what is no scalar: comments, and files that are not YAML.
func (i *inspection) lines(data []byte) {
	at := 0
	for line := range bytes.Lines(data) {
		at++
		if kind, found := redact.Find(string(line)); found && !i.covers(at) {
			i.add(at, diag.Diagnostic{Code: diag.SecretInItem, Message: "the line holds " + string(kind) + " in plain text", Hint: leakHint})
		}
	}
}

func (i *inspection) covers(line int) bool {
	for _, c := range i.covered {
		if c[0] <= line && line <= c[1] {
			return true
		}
	}
	return false
}

// segment appends a key to a path.
func segment(path, key string) string {
	switch {
	case key == "" || strings.Trim(key, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return path + "[" + redact.Text(key) + "]"
	case path == "":
		return key
	}
	return path + "." + redact.Text(key)
}

// isSecret reports whether n is meant to be a v1 Secret; encrypted as a whole, it no longer says so itself.
func isSecret(n *yaml.Node) bool {
	kind := yamldoc.Text(n, "kind")
	return yamldoc.Text(n, "apiVersion") == "v1" && kind == "Secret" || sealed(n) && strings.HasPrefix(kind, "ENC[")
}

// sealed reports whether n is a Kubernetes object that sops encrypted.
func sealed(n *yaml.Node) bool {
	block := yamldoc.Field(n, "sops")
	return block != nil && block.Kind == yaml.MappingNode && yamldoc.Field(n, "kind") != nil
}

func subject(n *yaml.Node) diag.Subject {
	meta := yamldoc.Field(n, "metadata")
	return diag.Subject{Kind: yamldoc.Text(n, "kind"), Namespace: yamldoc.Text(meta, "namespace"), Name: yamldoc.Text(meta, "name")}
}
