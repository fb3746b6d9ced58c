// SPDX-License-Identifier: Apache-2.0

package yamldoc_test

import (
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/internal/yamldoc"
)

func TestParse(t *testing.T) {
	const canary = "oops-a-value"
	for _, tt := range []struct {
		reason, data string
		docs         int
		err          string
	}{
		{"nothing", "", 0, ""},
		{"comments alone", "# a\n---\n# b\n", 0, ""},
		{"null is something", "null\n", 1, ""},
		{"two, and an empty one between", "a: b\n---\n---\nc: d\n", 2, ""},
		{"a byte order mark, CRLF", "\ufeffa: b\r\n", 1, ""},
		{"not UTF-8", "a: \xff", 0, "is not UTF-8"},
		{"the parser would quote it", "a: b\nc: d: " + canary + "\n", 0, "cannot be parsed as YAML near line 2"},
		{"in a later document", "a: b\n---\n*" + canary + "\n", 0, "cannot be parsed as YAML"},
	} {
		docs, err := yamldoc.Parse([]byte(tt.data))
		if len(yamldoc.Roots(docs)) != tt.docs || (err == nil) != (tt.err == "") {
			t.Errorf("%s: got %d documents, error %v", tt.reason, len(yamldoc.Roots(docs)), err)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: got %q, want %q", tt.reason, err, tt.err)
		}
	}
}

func TestField(t *testing.T) {
	docs, err := yamldoc.Parse([]byte("kind: Secret\nmetadata: {name: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	root := yamldoc.Root(docs[0])
	for _, tt := range []struct{ got, want string }{
		{yamldoc.Text(root, "kind"), "Secret"},
		{yamldoc.Text(root, "metadata"), ""},
		{yamldoc.Text(yamldoc.Field(root, "metadata"), "name"), "a"},
		{yamldoc.Text(yamldoc.Field(root, "other"), "name"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
