// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
)

// verifier counts what it reports.
type verifier struct {
	*project
	streams IO
	decrypt bool
	failed  bool
}

func newVerify(streams IO) *cobra.Command {
	var decrypt bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check the Secrets of a RestateIntegration, with --decrypt their values too",
		Long: `Check that every Secret of a RestateIntegration is there, once, with its keys, and passes what the function checks without a key.

With --decrypt each is decrypted in memory with the key at hand: its MAC must match, and each value must be what its role needs: one
word, without a final newline, no placeholder. The public key of a NATS user's seed must stand in the spec. The API keys of a gateway must
be the file that Envoy takes, of keys that nobody can guess and none of which stands twice; the names of the clients are printed. No value is.`,
		Example: "  restate-integration-secrets verify -f integration.yaml\n  SOPS_AGE_KEY_FILE=key.txt restate-integration-secrets verify --decrypt",
		Args:    cobra.NoArgs,
	}
	file := fileFlag(cmd)
	cmd.Flags().BoolVar(&decrypt, "decrypt", false, "decrypt in memory, and check MAC and values")
	cmd.RunE = func(*cobra.Command, []string) error {
		p, err := openProject(*file, streams.Err)
		if err != nil {
			return err
		}
		defer p.root.Close()
		v := verifier{project: p, streams: streams, decrypt: decrypt}
		return v.run()
	}
	return cmd
}

func (v *verifier) run() error {
	all, err := v.find()
	if err != nil {
		return err
	}
	for i, n := range v.needs {
		if n.maker != "" {
			fmt.Fprintf(v.streams.Err, "%s: left out, because %s\n", n.title(), n.maker)
			continue
		}
		switch len(all[i]) {
		case 0:
			v.error("%s: must be in a file below the directory of the spec; make it with seal", n.title())
		case 1:
		default:
			v.error("%s: must stand in one file, and stands in %d", n.title(), len(all[i]))
		}
		for _, f := range all[i] {
			v.file(n, f)
		}
	}
	if v.failed {
		return errReported
	}
	return nil
}

func (v *verifier) error(format string, args ...any) {
	v.failed = true
	fmt.Fprintf(v.streams.Err, "error: "+format+"\n", args...)
}

// file checks one file: what can be seen without a key, and what takes one.
func (v *verifier) file(n need, f found) {
	failed := v.failed
	v.failed = false
	ds := v.check(f.secret)
	if report(v.streams.Err, f.file, ds) != nil {
		v.failed = true
	}
	for _, key := range n.missing(f.secret) {
		// An empty or plain value is among the findings already.
		if _, has := f.secret.Keys[key]; !has && f.secret.Keys != nil {
			v.error("%s: Secret %s: must have the key %q, which the %s reads [%s]", redact.Path(f.file), n.title(), redact.Text(key), v.credential(n.role(key)).title(), diag.SecretKey)
		}
	}
	if v.decrypt {
		v.values(n, f)
	}
	if !v.failed {
		fmt.Fprintf(v.streams.Err, "%s: %s: %s\n", redact.Path(f.file), n.title(), v.verdict())
	}
	v.failed = v.failed || failed
}

func (v *verifier) verdict() string {
	if v.decrypt {
		return "decrypted, the MAC matches, the values are in order"
	}
	return "in order, as far as it can be seen without a key"
}

// values checks the plain text, and says nothing of it but what is wrong.
func (v *verifier) values(n need, f found) {
	values, err := sealing.Decrypt(f.file, f.data)
	if err != nil {
		v.error("%s: Secret %s: %v", redact.Path(f.file), n.title(), err)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		warning, problem := v.kindOf(n.role(key)).check(values[key], v.streams.Now())
		switch {
		case problem != nil:
			v.error("%s: Secret %s: the value of %q %v", redact.Path(f.file), n.title(), redact.Text(key), problem)
		case warning != "":
			fmt.Fprintf(v.streams.Err, "warning: %s: Secret %s: the value of %q %s\n", redact.Path(f.file), n.title(), redact.Text(key), warning)
		}
		switch c := v.credential(n.role(key)); {
		case problem != nil:
		case c.public != nil:
			v.public(f.file, c.Name, publicKey(values[key]), c.public)
		case c.kind == kindAPIKeys:
			v.clients(f.file, c.Name, values[key])
		}
	}
}

// clients lists who has a key, and who has two.
func (v *verifier) clients(file, name, text string) {
	f, err := readKeyFile(text)
	if err != nil || len(f) == 0 {
		return // said before
	}
	var list []string
	for _, client := range f.clients() {
		if f.count(client) > 1 {
			client += " (2 keys until rotate --finish " + name + ")"
		}
		list = append(list, client)
	}
	fmt.Fprintf(v.streams.Err, "%s: %s: the clients are %s\n", redact.Path(file), name, strings.Join(list, ", "))
}

// public tells whether the servers will know the seed.
func (v *verifier) public(file, name, key string, list *keyList) {
	switch others := len(list.keys) - 1; {
	case !slices.Contains(list.keys, key):
		v.error("%s: %s: the public key of the seed must stand in %s, or the servers refuse it; add %s", redact.Path(file), name, list.field(), key)
	case others > 0:
		fmt.Fprintf(v.streams.Err, "%s: %s: the seed is that of %s; %s lets in %d more until rotate --finish %s\n", redact.Path(file), name, key, list.field(), others, name)
	default:
		fmt.Fprintf(v.streams.Err, "%s: %s: the seed is that of %s, the only one in %s\n", redact.Path(file), name, key, list.field())
	}
}
