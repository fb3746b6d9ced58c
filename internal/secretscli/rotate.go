// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
)

// change is a file to be written.
type change struct {
	need
	found
	// text says what was done to it.
	text string
	next []byte
}

func newRotate(streams IO) *cobra.Command {
	var o origin
	var key string
	var toRecipients bool
	cmd := &cobra.Command{
		Use:   "rotate ROLE|NAME",
		Short: "Replace one value of a Secret, or bring its recipients up to date",
		Long: `Replace the value of a credential, in every namespace that reads it. The Secret is named by its role (tunnel) or its name
(restate-identity). The recipients and all other values stay as they are: three lines of the file change. It takes a key that
decrypts the file, which is looked for where sops looks.

With --recipients the values stay, and the data key is encrypted to those whom .sops.yaml names, and to nobody else, as by sops
updatekeys. Without a name it does so for every Secret of the spec.`,
		Example: `  restate-integration-secrets rotate tunnel
  restate-integration-secrets rotate tunnel --from-env RESTATE_API_KEY
  restate-integration-secrets rotate --recipients`,
		Args: cobra.MaximumNArgs(1),
	}
	file := fileFlag(cmd)
	cmd.Flags().StringVar(&key, "key", "", "the key in the Secret; needed where no role decides")
	cmd.Flags().StringVar(&o.file, "from-file", "", "read the value from this `PATH`")
	cmd.Flags().StringVar(&o.env, "from-env", "", "read the value from this environment `VARIABLE`")
	cmd.Flags().BoolVar(&o.stdin, "from-stdin", false, "read the value from standard input")
	cmd.Flags().BoolVar(&toRecipients, "recipients", false, "change the recipients instead of a value")
	cmd.MarkFlagsMutuallyExclusive("recipients", "key")
	for _, from := range []string{"from-file", "from-env", "from-stdin"} {
		cmd.MarkFlagsMutuallyExclusive("recipients", from)
	}
	cmd.MarkFlagsMutuallyExclusive("from-file", "from-env", "from-stdin")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 && !toRecipients {
			return errors.New("name the role or the Secret whose value is to be replaced, or use --recipients")
		}
		p, err := openProject(*file, streams.Err)
		if err != nil {
			return err
		}
		defer p.root.Close()
		changes, err := p.chosen(strings.Join(args, ""))
		if err != nil {
			return err
		}
		if toRecipients {
			return p.rotateRecipients(streams, changes)
		}
		return p.rotateValue(streams, changes, key, o)
	}
	return cmd
}

// chosen finds the files of a role or a Secret by its name; of all when the name is empty.
func (p *project) chosen(name string) ([]change, error) {
	all, err := p.find()
	if err != nil {
		return nil, err
	}
	var out []change
	known := false
	for i, n := range p.needs {
		if name != "" && n.name != name && !slices.ContainsFunc(n.keys, func(k needKey) bool { return k.role == name }) {
			continue
		}
		known = true
		switch {
		case n.external:
			if name != "" {
				return nil, invalid("%s: is made by somebody else (source: External), who has to rotate it; change rolloutKey of the spec then", n.title())
			}
		case len(all[i]) == 0:
			return nil, invalid("%s: no file below the directory of the spec has it; make it with seal", n.title())
		case len(all[i]) > 1:
			return nil, invalid("%s: must stand in one file, and stands in %s and %s", n.title(), redact.Path(all[i][0].file), redact.Path(all[i][1].file))
		default:
			out = append(out, change{need: n, found: all[i][0]})
		}
	}
	if !known {
		return nil, invalid("the spec has no role and no Secret %q; it has %s", redact.Text(name), or(p.names(), "none"))
	}
	return out, nil
}

// names lists what rotate can be asked for.
func (p *project) names() string {
	var out []string
	for _, role := range p.roles {
		out = append(out, fmt.Sprintf("%s (%s)", role.Name, redact.Text(role.Credential.Name)))
	}
	return strings.Join(out, ", ")
}

// keyOf is the key whose value is replaced.
func (n need) keyOf(asked string) (string, error) {
	switch {
	case asked != "":
		return asked, nil
	case len(n.keys) > 1:
		return "", invalid("%s: several roles read it, each another key; choose one with --key", n.title())
	}
	return n.keys[0].key, nil
}

// rotateValue asks once, and writes nothing before all files are encrypted.
func (p *project) rotateValue(streams IO, changes []change, asked string, o origin) error {
	value := ""
	for i, c := range changes {
		key, err := c.keyOf(asked)
		if err != nil {
			return err
		}
		if _, has := c.secret.Keys[key]; !has {
			return invalid("%s: %s has no key %q", c.title(), redact.Path(c.file), redact.Text(key))
		}
		if i == 0 {
			// A key that is not at hand is better known before the new value is typed.
			if _, err := sealing.Decrypt(c.file, c.data); err != nil {
				return invalid("%s: %w", redact.Path(c.file), err)
			}
			role := c.role(key)
			if value, err = o.value(streams, or(role, redact.Text(key)), role); err != nil {
				return err
			}
		}
		next, err := sealing.SetValue(c.file, c.data, key, value, streams.Now())
		if err != nil {
			return invalid("%s: key %q: %w", redact.Path(c.file), redact.Text(key), err)
		}
		changes[i].next, changes[i].text = next, fmt.Sprintf("the value of %q is replaced", redact.Text(key))
	}
	return p.writeAll(streams, changes)
}

// rotateRecipients does what .sops.yaml says of each file.
func (p *project) rotateRecipients(streams IO, changes []change) error {
	config, err := p.findConfig(streams)
	if err != nil {
		return err
	}
	if config == "" {
		return invalid("no %s in %s or above it, which would name the recipients", sealing.ConfigName, redact.Path(p.dir))
	}
	for i, c := range changes {
		rule, err := p.rule(config, c.file)
		if err != nil {
			return err
		}
		next, who, err := sealing.UpdateRecipients(c.file, c.data, rule)
		if err != nil {
			return invalid("%s: %w", redact.Path(c.file), err)
		}
		changes[i].next, changes[i].text = next, changedRecipients(who, string(next) == string(c.data))
	}
	return p.writeAll(streams, changes)
}

func changedRecipients(who sealing.Change, same bool) string {
	if same {
		return "the recipients are up to date"
	}
	var parts []string
	if len(who.Added) > 0 {
		parts = append(parts, "can be decrypted by "+redact.Path(strings.Join(who.Added, ", "))+" too")
	}
	if len(who.Removed) > 0 {
		parts = append(parts, "no longer by "+redact.Path(strings.Join(who.Removed, ", "))+", who may have kept the values: rotate them as well")
	}
	return or(strings.Join(parts, ", "), "the groups of recipients are changed")
}

// writeAll writes the files that changed, when all of them pass.
func (p *project) writeAll(streams IO, changes []change) error {
	for _, c := range changes {
		if err := p.accept(streams, c.file, c.next); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if string(c.next) != string(c.data) {
			if err := p.write(c.file, c.next); err != nil {
				return err
			}
		}
		fmt.Fprintf(streams.Err, "%s: %s: %s\n", c.title(), redact.Path(c.file), c.text)
	}
	return nil
}
