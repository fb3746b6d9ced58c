// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestKinds(t *testing.T) {
	key := madeUpKey()
	for _, tt := range []struct {
		reason, role, value string
		problem, warning    string // a part; "" for none
	}{
		{"a key", "tunnel", key, "", ""},
		{"no value", "tunnel", "", "must not be empty", ""},
		{"a final newline", "tunnel", key + "\n", "must not begin or end with a blank", ""},
		{"a blank in front", "ingress", " " + key, "must not begin or end with a blank", ""},
		{"two words", "admin", key + " " + key, "must be one word", ""},
		{"two lines", "tunnel", key + "\n" + key, "must be one word", ""},
		{"bytes", "tunnel", "key_\xff", "must be UTF-8", ""},
		{"another prefix", "tunnel", key[1:], "", "does not start with key_"},
		{"cut", "tunnel", key[:minRestateKey-1], "", "has 23 characters"},
		{"just long enough", "tunnel", key[:minRestateKey], "", ""},
		{"a key that no role reads may have lines", "", "a\nb", "", ""},
		{"but not at the end", "", "a\n", "must not begin or end with a blank", ""},
	} {
		warning, err := kindOf(tt.role).check(tt.value, time.Time{})
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		if !contains(problem, tt.problem) || !contains(warning, tt.warning) {
			t.Errorf("%s: got problem %q, warning %q", tt.reason, problem, warning)
		}
		if len(tt.value) > 5 && strings.Contains(problem+warning, tt.value[4:]) {
			t.Errorf("%s: the value is quoted", tt.reason)
		}
	}
}

func contains(text, part string) bool {
	if part == "" {
		return text == ""
	}
	return strings.Contains(text, part)
}

func TestPlaceholders(t *testing.T) {
	for _, value := range []string{
		"REPLACEME", "replace-me", "ReplaceThis", "changeme", "CHANGE_ME", "change this", "placeholder", "key_example", "your-token", "YOUR_KEY",
		"<token>", "{{ token }}", "[redacted]", "key_<id>", "todo", "TBD", "xxxx", "key_xxxx", "...", "key_...", "****", "0000", "none", "null", "test", "dummy",
	} {
		if checkValue(value) == nil {
			t.Errorf("%q is taken for a value", value)
		}
	}
	for _, value := range []string{madeUpKey(), "key_0xTodoNoneTest1234567", "SUAtest", "a", "10"} {
		if err := checkValue(value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// TestGenerate: a kind that makes its values asks nobody, but takes one that is given.
func TestGenerate(t *testing.T) {
	kinds["made"] = kind{check: func(v string, _ time.Time) (string, error) {
		if !strings.HasPrefix(v, "made") {
			return "", errors.New("must be made")
		}
		return "", nil
	}, generate: func() (string, error) { return "made up", nil }}
	defer delete(kinds, "made")
	streams := IO{Now: time.Now, LookupEnv: func(string) (string, bool) { return "made elsewhere\n", true }}
	if got, err := (origin{}).value(streams, "made", kindOf("made")); err != nil || got != "made up" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := (origin{env: "X"}).value(streams, "made", kindOf("made")); err != nil || got != "made elsewhere" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTrim: one newline is the editor's, two are the user's.
func TestTrim(t *testing.T) {
	for value, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "\n": "", " a": " a"} {
		if got := trim(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
