// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
)

// clientFlags are the clients that rotate is about. At most one of the lists is set.
type clientFlags struct{ only, add, remove []string }

func (c *clientFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&c.only, "client", nil, "`NAME`: replace the key of this client of a gateway alone, or with --finish remove its older one; may be repeated")
	cmd.Flags().StringArrayVar(&c.add, "add-client", nil, "`NAME`: make a key for a new client of a gateway; may be repeated")
	cmd.Flags().StringArrayVar(&c.remove, "remove-client", nil, "`NAME`: remove a client of a gateway with its keys; may be repeated")
	for _, other := range []string{"recipients", "keep", "from-file", "from-env", "from-stdin", "add-client", "remove-client"} {
		cmd.MarkFlagsMutuallyExclusive("client", other)
	}
	for _, other := range []string{"recipients", "finish", "from-file", "from-env", "from-stdin"} {
		cmd.MarkFlagsMutuallyExclusive("add-client", other)
		cmd.MarkFlagsMutuallyExclusive("remove-client", other)
	}
	cmd.MarkFlagsMutuallyExclusive("add-client", "remove-client")
}

// set reports whether one of the flags stands on the command line.
func (c *clientFlags) set() bool { return len(c.only)+len(c.add)+len(c.remove) > 0 }

// check looks at the names before anything is read.
func (c *clientFlags) check() error {
	return errors.Join(checkClients("--client", c.only), checkClients("--add-client", c.add), checkClients("--remove-client", c.remove))
}

// rotateClients changes the keys of a gateway. New ones are shown when they are sealed, and never again.
func (p *project) rotateClients(streams IO, c credential, changes []change, flags clientFlags, finish bool) error {
	f := &changes[0] // the gateways read it in one namespace
	values, err := sealing.Decrypt(f.file, f.data)
	if err != nil {
		return invalid("%s: %w", redact.Path(f.file), err)
	}
	text, has := values[c.Key]
	if !has {
		return invalid("%s: %s has no key %q", f.title(), redact.Path(f.file), redact.Text(c.Key))
	}
	was, err := readKeyFile(text)
	if err != nil {
		return invalid("%s: the value of %q %w", redact.Path(f.file), redact.Text(c.Key), err)
	}
	var now clientChange
	switch {
	case finish:
		now, err = was.finishKeys(flags.only)
	case len(flags.add) > 0:
		now, err = was.addClients(flags.add)
	case len(flags.remove) > 0:
		now, err = was.removeClients(flags.remove)
	default:
		now, err = was.rotateKeys(flags.only)
	}
	if err != nil {
		return invalid("%s: %s %w", redact.Path(f.file), c.Name, err)
	}
	if f.next, err = sealing.SetValue(f.file, f.data, c.Key, now.next.text(), streams.Now()); err != nil {
		return invalid("%s: key %q: %w", redact.Path(f.file), redact.Text(c.Key), err)
	}
	f.text = now.text
	if err := p.writeAll(streams, changes); err != nil {
		return err
	}
	if err := showKeys(streams, c.Name, f.file, now.fresh); err != nil {
		return err
	}
	tellClients(streams, c.Name, f.file, flags, finish, now)
	return nil
}

// tellClients says what is left to do. The gateways read the file anew by themselves (run: Envoy 1.40).
func tellClients(streams IO, name, file string, flags clientFlags, finish bool, now clientChange) {
	file = redact.Path(file)
	switch {
	case len(now.next) == 0:
		fmt.Fprintf(streams.Err, "warning: no client is left: when %s is deployed, the gateway lets nobody in with a key\n", file)
	case finish || len(flags.remove) > 0:
		fmt.Fprintf(streams.Err, "deploy %s: who still calls with a removed key is refused then\n", file)
	case len(flags.add) > 0:
		fmt.Fprintf(streams.Err, "deploy %s: the gateway takes the keys without a restart, within two minutes of the Secret's change in the cluster\n", file)
	default:
		only := ""
		for _, client := range flags.only {
			only += " --client " + client
		}
		fmt.Fprintf(streams.Err, `in this order, or the gateway refuses a client:
  1. deploy %s; the gateway takes both keys without a restart, within two minutes of the Secret's change in the cluster
  2. bring each new key to its client, and wait until the client calls with it
  3. restate-integration-secrets rotate --finish %s%s, and deploy %[1]s again
`, file, name, only)
	}
}
