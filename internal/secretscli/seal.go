// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
)

// sealer encrypts the Secrets of one project.
type sealer struct {
	*project
	streams IO
	origins map[string]origin // by role or user
	age     []string
	force   bool
	// config is the .sops.yaml that rules; empty when there is none and the recipients were given.
	config string
}

// target is a Secret that is to be written.
type target struct {
	need
	file string
	rule sealing.Rule
}

func newSeal(streams IO) *cobra.Command {
	var fromFile, fromEnv, clients, age []string
	var fromStdin string
	var force bool
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Encrypt the Secrets that a RestateIntegration refers to",
		Long: `Encrypt the Secrets that a RestateIntegration refers to, and write each into a file of its own.

Which Secrets there must be, in which namespaces and with which keys, is read from the spec. Values are asked for on the terminal,
or come from a file, an environment variable or standard input; a final newline is taken off. Each is encrypted by the rules of the
.sops.yaml that is found from the directory of the spec upward (or by that of SOPS_CONFIG), or to the recipients of --age. Where
there is no .sops.yaml, one is written.

The seeds of NATS users, that of the bridge among them, are made where no value is given, and their public keys are added to the spec.
The API keys of a gateway's callers are made for each --client, and shown on standard output, this once: a line has the name of the
keys in this spec (gateway-keys, or gateway-keys/DOMAIN), the client and its key.

A Secret that is there stays as it is. Replace a value of it with rotate, or the whole of it with --force.`,
		Example: `  restate-integration-secrets seal -f integration.yaml
  restate-integration-secrets seal --age age1... --from-env tunnel=RESTATE_API_KEY
  restate-integration-secrets seal --client partner-a --client partner-b
  vault read -field=key restate/full | restate-integration-secrets seal --from-stdin tunnel`,
		Args: cobra.NoArgs,
	}
	file := fileFlag(cmd)
	cmd.Flags().StringArrayVar(&fromFile, "from-file", nil, "`ROLE=PATH`: read the value of a role or NATS user from a file")
	cmd.Flags().StringArrayVar(&fromEnv, "from-env", nil, "`ROLE=VARIABLE`: read the value of a role or NATS user from an environment variable")
	cmd.Flags().StringVar(&fromStdin, "from-stdin", "", "`ROLE`: read the value of a role or NATS user from standard input")
	cmd.Flags().StringArrayVar(&clients, "client", nil, "`[KEYS=]NAME`: make an API key for this client of a gateway; KEYS where the spec has several; may be repeated")
	cmd.Flags().StringArrayVar(&age, "age", nil, "`RECIPIENT` to encrypt to where there is no .sops.yaml; may be repeated")
	cmd.Flags().BoolVar(&force, "force", false, "write anew the Secrets that are there, too")
	cmd.RunE = func(*cobra.Command, []string) error {
		origins, err := originsOf(fromFile, fromEnv, fromStdin)
		if err != nil {
			return err
		}
		p, err := openProject(*file, streams.Err)
		if err != nil {
			return err
		}
		defer p.root.Close()
		if err := p.clientOrigins(clients, origins); err != nil {
			return err
		}
		return sealer{project: p, streams: streams, origins: origins, age: age, force: force}.run()
	}
	return cmd
}

// originsOf reads the flags that say where values come from.
func originsOf(fromFile, fromEnv []string, fromStdin string) (map[string]origin, error) {
	out := map[string]origin{}
	add := func(role string, o origin) error {
		if _, twice := out[role]; twice {
			return fmt.Errorf("the value of %s must come from one place", redact.Text(role))
		}
		out[role] = o
		return nil
	}
	for _, flag := range []struct {
		name   string
		values []string
		origin func(string) origin
	}{
		{"--from-file", fromFile, func(s string) origin { return origin{file: s} }},
		{"--from-env", fromEnv, func(s string) origin { return origin{env: s} }},
	} {
		for _, value := range flag.values {
			role, place, found := strings.Cut(value, "=")
			if !found || role == "" || place == "" {
				return nil, fmt.Errorf("%s must be a role, an equals sign, and where its value is; got %q", flag.name, redact.Text(value))
			}
			if err := add(role, flag.origin(place)); err != nil {
				return nil, err
			}
		}
	}
	if fromStdin != "" {
		return out, add(fromStdin, origin{stdin: true})
	}
	return out, nil
}

// run asks for nothing before it is certain that it can write, and writes nothing before all of it is encrypted.
func (s sealer) run() error {
	if err := s.checkRoles(); err != nil {
		return err
	}
	targets, err := s.targets()
	if err != nil || len(targets) == 0 {
		return err
	}
	if err := s.findRules(targets); err != nil {
		return err
	}
	values, err := s.values(targets)
	if err != nil {
		return err
	}
	sealed := make([][]byte, len(targets))
	for i, t := range targets {
		if sealed[i], err = s.seal(t, values); err != nil {
			return err
		}
	}
	edits, err := s.adds(values)
	if err != nil {
		return err
	}
	if _, err := s.edited(edits); err != nil {
		return err
	}
	if s.config == "" {
		if err := s.writeConfig(targets); err != nil {
			return err
		}
	}
	for i, t := range targets {
		if err := s.write(t.file, sealed[i]); err != nil {
			return err
		}
		fmt.Fprintf(s.streams.Err, "%s: sealed in %s for %s\n", t.title(), t.file, strings.Join(recipients(t.file, sealed[i]), ", "))
		if err := s.showClients(t, values); err != nil {
			return err
		}
	}
	if err := s.editSpec(s.streams, edits); err != nil {
		return err
	}
	s.advise(targets)
	for _, t := range targets {
		s.tellOrder(s.streams, t.need, t.file, edits)
	}
	return nil
}

// checkRoles refuses a value for what the spec does not have.
func (s sealer) checkRoles() error {
	for name := range s.origins {
		if s.credential(name).Name == "" {
			return s.unknown(name)
		}
	}
	return nil
}

func (p *project) unknown(name string) error {
	return fmt.Errorf("no role or NATS user %q in this spec; it has %s", redact.Text(name), or(strings.Join(p.known(), ", "), "none"))
}

// known lists the names of the roles, API keys and users.
func (p *project) known() []string {
	var out []string
	for _, c := range p.credentials {
		out = append(out, c.Name)
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// targets decides what is to be written, and where.
func (s sealer) targets() ([]target, error) {
	all, err := s.find()
	if err != nil {
		return nil, err
	}
	var out []target
	for i, n := range s.needs {
		switch {
		case n.maker != "":
			fmt.Fprintf(s.streams.Err, "%s: left out, because %s\n", n.title(), n.maker)
			continue
		case len(all[i]) > 1:
			return nil, invalid("%s: must stand in one file, and stands in %s and %s", n.title(), redact.Path(all[i][0].file), redact.Path(all[i][1].file))
		case len(all[i]) == 1 && !s.force:
			if err := s.keeps(n, all[i][0]); err != nil {
				return nil, err
			}
			continue
		case s.nobodyNamed(n):
			fmt.Fprintf(s.streams.Err, "%s: left out, because no client is named; name each with --client %s=NAME\n", n.title(), n.keys[0].role)
			continue
		}
		t := target{need: n}
		if len(all[i]) == 1 {
			t.file, err = all[i][0].file, replaceable(n, all[i][0])
		} else {
			t.file, err = s.place(n, out)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		fmt.Fprintln(s.streams.Err, "nothing to seal")
	}
	return out, nil
}

// keeps leaves a Secret alone that is as it must be. A value that was given for it would be lost, so that is an error.
func (s sealer) keeps(n need, f found) error {
	for _, k := range n.keys {
		if _, given := s.origins[k.role]; given {
			return invalid("%s: is in %s already; replace its value with: restate-integration-secrets rotate %s%s, or all of it with --force", n.title(), redact.Path(f.file), k.role, s.addsClient(k.role))
		}
		if key, has := f.secret.Keys[k.key]; !has || key.Digest == "" {
			return invalid("%s: %s must have an encrypted value under the key %q, and has not; seal it anew with --force", n.title(), redact.Path(f.file), redact.Text(k.key))
		}
	}
	fmt.Fprintf(s.streams.Err, "%s: is in %s already\n", n.title(), redact.Path(f.file))
	return nil
}

// replaceable refuses to lose what seal cannot bring back.
func replaceable(n need, f found) error {
	for _, key := range slices.Sorted(maps.Keys(f.secret.Keys)) {
		if n.role(key) == "" {
			return invalid("%s: %s has the key %q too, which --force would lose; replace one value with rotate, or remove the file", n.title(), redact.Path(f.file), redact.Text(key))
		}
	}
	return nil
}

// place chooses the file of a new Secret: the entry of files that is for its namespace, or one below secrets.
func (s sealer) place(n need, taken []target) (string, error) {
	file, err := s.entry(n)
	if err != nil {
		return "", err
	}
	if file == "" {
		file = "secrets/" + n.name + ".yaml"
		if s.several(n.name) {
			file = "secrets/" + n.name + "." + n.namespace + ".yaml"
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return "", invalid("%s: the file must be below the directory of the spec, got %q", n.title(), redact.Path(file))
	}
	if slices.ContainsFunc(taken, func(t target) bool { return t.file == file }) {
		return "", invalid("%s: must have a file of its own, and %s is that of another namespace", n.title(), redact.Path(file))
	}
	switch _, err := s.root.Lstat(filepath.FromSlash(file)); {
	case errors.Is(err, fs.ErrNotExist):
		return file, nil
	case err != nil:
		return "", unableError{fmt.Errorf("cannot write %s: %w", file, cause(err))}
	}
	return "", invalid("%s: %s is there and holds something else, which is never replaced; remove it or name another file", n.title(), redact.Path(file))
}

// several reports whether Secrets of the name are needed in more than one namespace.
func (s sealer) several(name string) bool {
	count := 0
	for _, n := range s.needs {
		if n.name == name {
			count++
		}
	}
	return count > 1
}

// entry is the one of spec.credentials.<role>.files that a new Secret goes to: the only one, or the one that names the namespace.
func (s sealer) entry(n need) (string, error) {
	if len(n.files) == 0 {
		return "", nil
	}
	if len(n.files) == 1 && !s.several(n.name) {
		return clean(n.files[0]), nil
	}
	var named []string
	for _, file := range n.files {
		words := strings.FieldsFunc(clean(file), func(r rune) bool { return r == '/' || r == '.' || r == '_' })
		if slices.ContainsFunc(words, func(w string) bool { return w == n.namespace || strings.HasSuffix(w, "-"+n.namespace) }) {
			named = append(named, clean(file))
		}
	}
	if len(named) != 1 {
		return "", invalid("%s: one entry of files must have the namespace in its path, such as secrets/%s.%s.yaml; %d have", n.title(), n.name, n.namespace, len(named))
	}
	return named[0], nil
}

// findRules sets the rule of each target.
func (s *sealer) findRules(targets []target) error {
	var err error
	if s.config, err = s.findConfig(s.streams); err != nil {
		return err
	}
	for i, t := range targets {
		switch {
		case s.config != "" && len(s.age) > 0:
			return fmt.Errorf("--age must not be set where %s names the recipients; change them there", redact.Path(s.config))
		case s.config != "":
			targets[i].rule, err = s.rule(s.config, t.file)
		case len(s.age) == 0:
			return fmt.Errorf("no %s in %s or above it; name the recipients with --age, and it will be written", sealing.ConfigName, redact.Path(s.dir))
		default:
			if targets[i].rule, err = sealing.RuleFor(s.age); err != nil {
				err = fmt.Errorf("--age %w", err)
			}
		}
		if err != nil {
			return err
		}
		if err := targets[i].rule.Check(s.policy.RequireMACOnlyEncrypted); err != nil {
			return invalid("%s, for %s: %w", redact.Path(s.config), redact.Path(t.file), err)
		}
	}
	return nil
}

// values asks for the value of each role once, however many namespaces read it.
func (s sealer) values(targets []target) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range targets {
		for _, k := range t.keys {
			if _, has := out[k.role]; has {
				continue
			}
			value, err := s.origins[k.role].value(s.streams, k.role, s.kindOf(k.role))
			if err != nil {
				return nil, err
			}
			out[k.role] = value
		}
	}
	return out, nil
}

func (s sealer) seal(t target, values map[string]string) ([]byte, error) {
	plain := sealing.Plain{Namespace: t.namespace, Name: t.name, Values: map[string]string{}}
	for _, k := range t.keys {
		plain.Values[k.key] = values[k.role]
	}
	data, err := plain.Seal(t.file, t.rule, s.streams.Now())
	if err != nil {
		return nil, invalid("%s: %w", t.title(), err)
	}
	return data, s.accept(s.streams, t.file, data)
}

// writeConfig writes the .sops.yaml that was missing, so that sops and the next seal do the same.
func (s sealer) writeConfig(targets []target) error {
	var files []string
	for _, t := range targets {
		files = append(files, t.file)
	}
	if err := s.write(sealing.ConfigName, sealing.ConfigFor(files, s.age)); err != nil {
		return err
	}
	fmt.Fprintf(s.streams.Err, "%s: written; it tells sops how to encrypt %s\n", sealing.ConfigName, strings.Join(files, ", "))
	return nil
}
