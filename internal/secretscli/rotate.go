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
	r := rotation{streams: streams}
	cmd := &cobra.Command{
		Use:   "rotate ROLE|USER|KEYS|NAME",
		Short: "Replace one value of a Secret, or bring its recipients up to date",
		Long: `Replace the value of a credential, in every namespace that reads it. The Secret is named by its role (tunnel), by the NATS user
whose seed it holds, or by its name (restate-identity). The recipients and all other values stay as they are: three lines of the file change. It takes a key that
decrypts the file, which is looked for where sops looks.

The seed of a NATS user is made where no value is given. Its public key is added to the spec beside those that are there, which the
servers go on letting in, until --finish leaves the public key of the sealed seed alone. Use it when everything that connects with the
seed was restarted with the new one. Without a key that decrypts the Secret, --keep says which public key stays.

The API keys of a gateway's callers (gateway-keys, gateway-keys/DOMAIN) are made as well, for each client or for those of --client, and
shown on standard output, this once. The gateway takes the older key beside the new one, until --finish removes it.

With --recipients the values stay, and the data key is encrypted to those whom .sops.yaml names, and to nobody else, as by sops
updatekeys. Without a name it does so for every Secret of the spec.`,
		Example: `  restate-integration-secrets rotate tunnel
  restate-integration-secrets rotate tunnel --from-env RESTATE_API_KEY
  restate-integration-secrets rotate nats
  restate-integration-secrets rotate --finish nats
  restate-integration-secrets rotate gateway-keys --client partner-a
  restate-integration-secrets rotate gateway-keys --add-client partner-c
  restate-integration-secrets rotate --recipients`,
		Args: cobra.MaximumNArgs(1),
	}
	file := fileFlag(cmd)
	cmd.Flags().StringVar(&r.key, "key", "", "the key in the Secret; needed where no role decides")
	cmd.Flags().StringVar(&r.file, "from-file", "", "read the value from this `PATH`")
	cmd.Flags().StringVar(&r.env, "from-env", "", "read the value from this environment `VARIABLE`")
	cmd.Flags().BoolVar(&r.stdin, "from-stdin", false, "read the value from standard input")
	cmd.Flags().BoolVar(&r.toRecipients, "recipients", false, "change the recipients instead of a value")
	cmd.Flags().BoolVar(&r.finish, "finish", false, "end the rotation of a NATS user's seed: remove the public keys of older seeds from the spec; or that of API keys: remove the older ones")
	cmd.Flags().StringVar(&r.keep, "keep", "", "with --finish: the `PUBLIC-KEY` that stays")
	for _, value := range []string{"key", "from-file", "from-env", "from-stdin"} {
		cmd.MarkFlagsMutuallyExclusive("recipients", value)
		cmd.MarkFlagsMutuallyExclusive("finish", value)
	}
	cmd.MarkFlagsMutuallyExclusive("recipients", "finish")
	cmd.MarkFlagsMutuallyExclusive("from-file", "from-env", "from-stdin")
	r.of.bind(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		name := strings.Join(args, "")
		if err := r.check(name); err != nil {
			return err
		}
		p, err := openProject(*file, streams.Err)
		if err != nil {
			return err
		}
		defer p.root.Close()
		return r.run(p, name)
	}
	return cmd
}

// rotation is what the flags ask for.
type rotation struct {
	streams IO
	origin
	key, keep            string
	toRecipients, finish bool
	of                   clientFlags
}

// check looks at the command line before anything is read.
func (r rotation) check(name string) error {
	switch {
	case name == "" && r.finish:
		return errors.New("name the role or the NATS user whose older public keys are to be removed, or the API keys")
	case name == "" && !r.toRecipients:
		return errors.New("name the role, the NATS user or the Secret whose value is to be replaced, or use --recipients")
	case r.keep != "" && !r.finish:
		return errors.New("--keep must stand with --finish")
	}
	return r.of.check()
}

func (r rotation) run(p *project, name string) error {
	changes, err := p.chosen(name)
	if err != nil {
		return err
	}
	c := p.asked(name, r.key, changes)
	switch {
	case r.toRecipients:
		return p.rotateRecipients(r.streams, changes)
	case c.kind != kindAPIKeys && r.of.set():
		return fmt.Errorf("--client, --add-client and --remove-client must be about the API keys of a gateway, got %q; the spec has %s", redact.Text(name), or(strings.Join(p.apiKeys(), ", "), "none"))
	case c.kind == kindAPIKeys && r.keep != "":
		return errors.New("--keep must name a public key; the API keys of a gateway have none, and --finish leaves the newest of each client")
	case c.kind == kindAPIKeys && r.none():
		return p.rotateClients(r.streams, c, changes, r.of, r.finish)
	case r.finish:
		return p.finish(r.streams, name, r.keep, changes)
	}
	key := r.key
	if c.Name != "" && key == "" {
		key = c.Key // of a Secret with several
	}
	return p.rotateValue(r.streams, changes, key, r.origin)
}

// asked is the credential that rotate is about: that of the name, or of the key of a Secret.
func (p *project) asked(name, key string, changes []change) credential {
	if c := p.credential(name); c.Name != "" || len(changes) == 0 {
		return c
	}
	n := changes[0].need
	if key == "" && len(n.keys) == 1 {
		key = n.keys[0].key
	}
	return p.credential(n.role(key))
}

// chosen finds the files of a role or a Secret by its name; of all when the name is empty.
func (p *project) chosen(name string) ([]change, error) {
	all, err := p.find()
	if err != nil {
		return nil, err
	}
	var out []change
	known := false
	named := p.credential(name).Name != "" // a Secret of that name is another matter
	for i, n := range p.needs {
		if name != "" && (named || n.name != name) && !slices.ContainsFunc(n.keys, func(k needKey) bool { return k.role == name }) {
			continue
		}
		known = true
		switch {
		case n.maker != "":
			if name != "" {
				return nil, invalid("%s: is made by somebody else, who has to rotate it, because %s%s", n.title(), n.maker, p.afterwards(n))
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
		return nil, invalid("the spec has no role, NATS user or Secret %q; it has %s", redact.Text(name), or(p.names(), "none"))
	}
	return out, nil
}

// afterwards says what restarts the pods that do not read a changed Secret anew. A key of the role Ingress and the API keys of callers are
// read anew by all.
func (p *project) afterwards(n need) string {
	anew := []string{kindIngress, kindAPIKeys}
	if slices.ContainsFunc(n.keys, func(k needKey) bool { return !slices.Contains(anew, p.credential(k.role).kind) }) {
		return "; change rolloutKey of the spec then"
	}
	return ""
}

// names lists what rotate can be asked for.
func (p *project) names() string {
	var out []string
	for _, c := range p.credentials {
		out = append(out, fmt.Sprintf("%s (%s)", c.Name, redact.Text(c.Credential.Name)))
	}
	return strings.Join(out, ", ")
}

// keyOf is the key whose value is replaced.
func (n need) keyOf(asked string) (string, error) {
	switch {
	case asked != "":
		return asked, nil
	case len(n.keys) > 1:
		return "", invalid("%s: it has a key for each of several; name the role or user, or choose one with --key", n.title())
	}
	return n.keys[0].key, nil
}

// rotateValue asks once, and writes nothing before all files are encrypted.
func (p *project) rotateValue(streams IO, changes []change, asked string, o origin) error {
	value := ""
	seeds := map[string]string{}
	for i, c := range changes {
		key, err := c.keyOf(asked)
		if err != nil {
			return err
		}
		if _, has := c.secret.Keys[key]; !has {
			return invalid("%s: %s has no key %q", c.title(), redact.Path(c.file), redact.Text(key))
		}
		if first := changes[0].role(key); c.role(key) != first {
			return invalid("%s: must not get the value of %q; name the role or user instead of the Secret", c.title(), first)
		}
		if i == 0 {
			// A key that is not at hand is better known before the new value is typed.
			if _, err := sealing.Decrypt(c.file, c.data); err != nil {
				return invalid("%s: %w", redact.Path(c.file), err)
			}
			role := c.role(key)
			if value, err = o.value(streams, or(role, redact.Text(key)), p.kindOf(role)); err != nil {
				return err
			}
			seeds[role] = value
		}
		next, err := sealing.SetValue(c.file, c.data, key, value, streams.Now())
		if err != nil {
			return invalid("%s: key %q: %w", redact.Path(c.file), redact.Text(key), err)
		}
		changes[i].next, changes[i].text = next, fmt.Sprintf("the value of %q is replaced", redact.Text(key))
	}
	edits, err := p.adds(seeds)
	if err != nil {
		return err
	}
	if _, err := p.edited(edits); err != nil {
		return err
	}
	if err := p.writeAll(streams, changes); err != nil {
		return err
	}
	if err := p.editSpec(streams, edits); err != nil {
		return err
	}
	for _, c := range changes {
		p.tellOrder(streams, c.need, c.file, edits)
	}
	return nil
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
