// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// findConfig is the .sops.yaml that rules: that of SOPS_CONFIG, as for sops, or the nearest from the directory of the spec upward.
// Empty when there is none.
func (p *project) findConfig(streams IO) (string, error) {
	if file, set := streams.LookupEnv("SOPS_CONFIG"); set && file != "" {
		return file, nil
	}
	file, warning, found := sealing.FindConfig(p.dir)
	if warning != "" {
		fmt.Fprintf(streams.Err, "warning: %s\n", warning)
	}
	if !found {
		return "", nil
	}
	return file, nil
}

// rule is that of a .sops.yaml for a file.
func (p *project) rule(config, file string) (sealing.Rule, error) {
	rule, err := sealing.RuleFrom(config, p.abs(file))
	switch {
	case errors.Is(err, sealing.ErrNoRule):
		return rule, invalid("%s: must have a creation rule for %s; add one to creation_rules, such as: %s", redact.Path(config), redact.Path(file), sealing.RuleLine(file))
	case err != nil:
		return rule, invalid("%s: %w", redact.Path(config), err)
	}
	return rule, nil
}

// accept holds what is to be written against spec.secrets, as the function will. Warnings are shown, with an error nothing is
// written.
func (p *project) accept(streams IO, file string, data []byte) error {
	err := report(streams.Err, file, p.check(sopsfile.ReadFile(file, data)))
	if err != nil {
		fmt.Fprintf(streams.Err, "error: %s: not written\n", redact.Path(file))
	}
	return err
}

// check is all that can be said of an encrypted Secret without a key.
func (p *project) check(s generators.Secret) []diag.Diagnostic {
	ds := generators.CheckSecret(s, p.policy)
	if s.Name != "" {
		for i := range ds {
			ds[i].Message = fmt.Sprintf("Secret %s/%s: %s", redact.Text(s.Namespace), redact.Text(s.Name), ds[i].Message)
		}
	}
	return ds
}

// recipients lists who can decrypt a file.
func recipients(file string, data []byte) []string {
	return recipientsOf(sopsfile.ReadFile(file, data))
}

func recipientsOf(s generators.Secret) []string {
	var out []string
	for _, r := range s.Recipients {
		out = append(out, redact.Path(r.ID))
	}
	return out
}
