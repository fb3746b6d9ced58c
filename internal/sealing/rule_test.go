// SPDX-License-Identifier: Apache-2.0

package sealing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/internal/sealing"
)

// TestRules: only a rule whose Secrets pass the function is taken, and the error names the line to write.
func TestRules(t *testing.T) {
	recipient := newKey(t).Recipient().String()
	const regex, mac = "  encrypted_regex: ^(data|stringData)$\n", "  mac_only_encrypted: true\n"
	for _, tt := range []struct{ reason, rule, want string }{
		{"the recommended one", regex + mac, ""},
		{"another way to write it", "  encrypted_regex: ^(stringData|data)$\n" + mac, ""},
		{"not mac-only", regex, "mac_only_encrypted: true"},
		{"everything is encrypted", mac, "add this line to it: encrypted_regex: ^(data|stringData)$"},
		{"by suffix", "  encrypted_suffix: Data\n" + mac, "add this line to it: encrypted_regex: ^(data|stringData)$"},
		{"too narrow", "  encrypted_regex: ^data$\n" + mac, "encrypted_regex of the rule must match data and stringData"},
		{"metadata is encrypted too: no anchor", "  encrypted_regex: data\n" + mac, "encrypted_regex of the rule must match data and stringData"},
		{"the name is encrypted", "  encrypted_regex: ^(data|stringData|name)$\n" + mac, "and nothing else"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			dir := t.TempDir()
			config := filepath.Join(dir, sealing.ConfigName)
			write(t, config, "creation_rules:\n- age: "+recipient+"\n"+tt.rule)
			rule, err := sealing.RuleFrom(config, filepath.Join(dir, "secret.yaml"))
			if err == nil {
				err = rule.Check(true)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if tt.reason == "not mac-only" && rule.Check(false) != nil {
				t.Errorf("not required: got %v", rule.Check(false))
			}
		})
	}
}

func TestConfigs(t *testing.T) {
	identity := newKey(t)
	recipient := identity.Recipient().String()
	for _, tt := range []struct{ reason, config, want string }{
		{"no rules", "stores: {}\n", sealing.ErrNoRule.Error()},
		{"a rule for other files", "creation_rules:\n- {path_regex: ^other/, age: " + recipient + "}\n", sealing.ErrNoRule.Error()},
		{"no YAML", "creation_rules: [\n", "must be a configuration of sops"},
		{"no regular expression", "creation_rules:\n- {path_regex: '(', age: " + recipient + "}\n", "can not compile regexp"},
		{"two ways to choose", "creation_rules:\n- {encrypted_regex: a, encrypted_suffix: b, age: " + recipient + "}\n", "cannot use more than one of"},
		{"no recipient", "creation_rules:\n- {encrypted_regex: '^(data|stringData)$'}\n", "must name a recipient"},
		{"an identity in the place of a recipient", "creation_rules:\n- {age: " + identity.String() + "}\n", "must be a configuration of sops: [redacted]"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, sealing.ConfigName), tt.config)
			_, err := sealing.RuleFrom(filepath.Join(dir, sealing.ConfigName), filepath.Join(dir, "secret.yaml"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRuleForRefuses(t *testing.T) {
	for _, recipient := range []string{"", "age1", "age1nonsense", newKey(t).String()} {
		if _, err := sealing.RuleFor([]string{recipient}); err == nil || strings.Contains(err.Error(), "AGE-SECRET-KEY-1") {
			t.Errorf("%.8q: got %v", recipient, err)
		}
	}
}

// TestConfigFor: sops reads from the file what was used without it.
func TestConfigFor(t *testing.T) {
	key := newKey(t)
	dir := t.TempDir()
	config := filepath.Join(dir, sealing.ConfigName)
	text := sealing.ConfigFor([]string{"secrets/a.yaml", "secrets/b.yaml", "top.yaml"}, []string{key.Recipient().String()})
	write(t, config, string(text))
	for file, match := range map[string]bool{
		"secrets/a.yaml": true, "secrets/new.json": true, "top.yaml": true,
		"integration.yaml": false, "secrets/deep/a.yaml": false, "other/secrets/a.yaml": false,
	} {
		rule, err := sealing.RuleFrom(config, filepath.Join(dir, filepath.FromSlash(file)))
		if match != (err == nil) || !match && !errors.Is(err, sealing.ErrNoRule) {
			t.Errorf("%s: got %v, want a match: %v", file, err, match)
		}
		if match && rule.Check(true) != nil {
			t.Errorf("%s: %v", file, rule.Check(true))
		}
	}
	if bytes.Count(text, []byte("path_regex")) != 2 {
		t.Errorf("want one rule for each directory:\n%s", text)
	}
}

// TestFindConfig: from the directory upward, wherever the process was started.
func TestFindConfig(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, sealing.ConfigName), "creation_rules: []\n")
	write(t, filepath.Join(deep, ".sops.yml"), "creation_rules: []\n")
	file, warning, found := sealing.FindConfig(deep)
	if !found || file != filepath.Join(dir, sealing.ConfigName) || !strings.Contains(warning, ".sops.yml") {
		t.Errorf("got %q, %q, %v", file, warning, found)
	}
}
