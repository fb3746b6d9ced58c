// SPDX-License-Identifier: Apache-2.0

package sealing

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// ConfigName is the file in which sops looks for its rules.
const ConfigName = ".sops.yaml"

// encryptedRegex leaves readable what kustomize has to read.
const encryptedRegex = `^(data|stringData)$`

// Rule is how a Secret is encrypted: to whom, and with which MAC.
type Rule struct {
	// config is the .sops.yaml that it comes from, empty when the recipients were given.
	config   string
	creation config.Config
	indent   int
}

// FindConfig looks for a .sops.yaml in the directory and all above it. sops starts in the working directory instead, which finds
// another file, or none, when it is called from elsewhere. The warning is about a file that sops ignores for its name.
func FindConfig(dir string) (file, warning string, found bool) {
	result, err := config.LookupConfigFile(path.Join(filepath.ToSlash(dir), ConfigName))
	return filepath.FromSlash(result.Path), redact.Path(result.Warning), err == nil
}

// ErrNoRule says that a .sops.yaml has no rule for the file.
var ErrNoRule = errors.New("no creation rule matches")

// RuleFrom returns the first creation rule of a .sops.yaml that matches the file. Both paths are absolute.
func RuleFrom(configFile, file string) (Rule, error) {
	quiet()
	var creation *config.Config
	err := guard(func() (err error) {
		creation, err = config.LoadCreationRuleForFile(configFile, file, map[string]*string{})
		return err
	})
	switch {
	case err != nil && strings.Contains(err.Error(), "no matching creation rules"), err == nil && creation == nil:
		return Rule{}, ErrNoRule
	case err != nil:
		// It may quote the file, in which an identity can stand by mistake.
		return Rule{}, errors.New("must be a configuration of sops: " + redact.Path(err.Error()))
	}
	rule := Rule{config: configFile, creation: *creation, indent: indentDefault}
	if stores, err := config.LoadStoresConfig(configFile); err == nil && stores.YAML.Indent > 0 {
		rule.indent = stores.YAML.Indent
	}
	if !slices.ContainsFunc(creation.KeyGroups, func(g sops.KeyGroup) bool { return len(g) > 0 }) {
		return Rule{}, errors.New("must name a recipient in the rule for this file: age, pgp, kms or another kind that sops knows")
	}
	return rule, nil
}

// RuleFor is the rule that this project recommends, for age recipients.
func RuleFor(recipients []string) (Rule, error) {
	quiet()
	var group sops.KeyGroup
	for _, r := range recipients {
		key, err := age.MasterKeyFromRecipient(r)
		if err != nil {
			return Rule{}, fmt.Errorf("must be an age recipient (age1..., ssh-ed25519 ..., ssh-rsa ...), got %q", redact.Text(r))
		}
		group = append(group, key)
	}
	return Rule{indent: indentDefault, creation: config.Config{
		KeyGroups: []sops.KeyGroup{group}, EncryptedRegex: encryptedRegex, MACOnlyEncrypted: true,
	}}, nil
}

// Check refuses a rule whose Secrets would not pass the function: one that encrypts too little or too much, or whose MAC kustomize
// would break. The hint is the line to write.
func (r Rule) Check(requireMACOnly bool) error {
	const fix = "; add this line to it: "
	switch {
	case r.creation.EncryptedRegex == "":
		return errors.New("the rule must encrypt data and stringData alone, so that kustomize can read the rest" + fix + "encrypted_regex: " + encryptedRegex)
	case !fits(r.creation.EncryptedRegex):
		return errors.New("encrypted_regex of the rule must match data and stringData, and nothing else of a Secret; write: encrypted_regex: " + encryptedRegex)
	case requireMACOnly && !r.creation.MACOnlyEncrypted:
		return errors.New("the rule must cover encrypted values alone with the MAC, because kustomize changes the rest" + fix + "mac_only_encrypted: true")
	}
	return nil
}

// readable are the fields that hosts and GitOps tools have to read.
var readable = []string{"apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "type", "immutable"}

// fits reports whether an encrypted_regex, which sops holds against every key on the way to a value, encrypts what it should.
func fits(expression string) bool {
	re, err := regexp.Compile(expression)
	return err == nil && re.MatchString("data") && re.MatchString("stringData") && !slices.ContainsFunc(readable, re.MatchString)
}

// ConfigFor is the text of a .sops.yaml with the recommended rule, for files given by their slash-separated paths relative to it.
func ConfigFor(files, recipients []string) []byte {
	var b strings.Builder
	b.WriteString("# How sops encrypts the Secrets below this directory. After a change of recipients run:\n# restate-integration-secrets rotate --recipients\n")
	b.WriteString("stores:\n  yaml:\n    indent: 2\ncreation_rules:\n")
	for _, expression := range pathRegexes(files) {
		fmt.Fprintf(&b, "  - path_regex: %s\n    encrypted_regex: %s\n", expression, encryptedRegex)
		b.WriteString("    # The MAC covers the encrypted values alone, so that kustomize may add a label or a namespace without breaking it.\n")
		b.WriteString("    mac_only_encrypted: true\n    age:\n")
		for _, r := range recipients {
			fmt.Fprintf(&b, "      - %s\n", r)
		}
	}
	return []byte(b.String())
}

// RuleLine is a rule for one file, to be added to a .sops.yaml.
func RuleLine(file string) string {
	return fmt.Sprintf("- {path_regex: '%s', encrypted_regex: '%s', mac_only_encrypted: true, age: age1...}", pathRegexes([]string{file})[0], encryptedRegex)
}

// pathRegexes matches the whole directory of each file, but at the top, where other files stand, the file alone.
func pathRegexes(files []string) []string {
	var out []string
	for _, file := range files {
		dir, base := path.Split(file)
		expression := "^" + regexp.QuoteMeta(dir) + `[^/]+\.(yaml|yml|json)$`
		if dir == "" {
			expression = "^" + regexp.QuoteMeta(base) + "$"
		}
		if !slices.Contains(out, expression) {
			out = append(out, expression)
		}
	}
	return out
}
