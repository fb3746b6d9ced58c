// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"slices"

	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sealing"
)

// finish leaves of a list of public keys the one of the sealed seed. A key too many is let in for a while longer; one too few cuts off
// what runs. So nothing is taken for granted: what cannot be decrypted has to be named, and the place in the list proves nothing.
func (p *project) finish(streams IO, name, asked string, changes []change) error {
	c, err := p.listed(name)
	if err != nil {
		return err
	}
	list := c.public
	if len(list.keys) < 2 {
		return invalid("%s: must have an older public key to remove, and %s has %d in all", name, list.field(), len(list.keys))
	}
	if asked != "" && !slices.Contains(list.keys, asked) {
		return invalid("--keep must be a key of %s, got %q; nothing was removed", list.field(), redact.Text(asked))
	}
	at := slices.IndexFunc(changes, func(f change) bool { return slices.Contains(f.keys, needKey{c.Name, c.Key}) })
	keep, err := whichStays(streams, c, changes[at], asked)
	if err != nil {
		return err
	}
	data, err := p.edited([]specEdit{{of: c, keep: keep}})
	if err != nil {
		return err
	}
	if err := p.write(p.base, data); err != nil {
		return err
	}
	for _, key := range list.keys {
		if key != keep {
			fmt.Fprintf(streams.Err, "%s: %s: %s is removed\n", redact.Path(p.base), list.field(), key)
		}
	}
	fmt.Fprintf(streams.Err, "%s stays; deploy this only when all that connects as %s runs with it: who still has an older seed is cut off at the next reload\n", keep, name)
	return nil
}

// listed is the credential of a name whose public keys stand in the spec.
func (p *project) listed(name string) (credential, error) {
	var names []string
	for _, c := range p.credentials {
		if c.public == nil {
			continue
		}
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	known := "the spec has none"
	if len(names) > 0 {
		known = fmt.Sprintf("the spec has %q", names)
	}
	return credential{}, invalid("--finish must have the name of a role or NATS user with public keys, got %q; %s", redact.Text(name), known)
}

// whichStays decides by the seed that the file holds, or, where it cannot be decrypted, by what the user asks for.
func whichStays(streams IO, c credential, f change, asked string) (string, error) {
	list := c.public
	values, err := sealing.Decrypt(f.file, f.data)
	switch {
	case err != nil && asked == "":
		return "", invalid("%s: %w; so nobody knows which public key is that of the sealed seed. If everything runs with the newest: rotate --finish %s --keep %s",
			redact.Path(f.file), err, c.Name, list.keys[len(list.keys)-1])
	case err != nil:
		fmt.Fprintf(streams.Err, "warning: %s cannot be decrypted with the keys at hand, so that --keep was taken at its word\n", redact.Path(f.file))
		return asked, nil
	}
	sealed := publicKey(values[c.Key])
	switch {
	case sealed == "":
		return "", invalid("%s: the value of %q must be a user nkey seed; nothing was removed", redact.Path(f.file), redact.Text(c.Key))
	case !slices.Contains(list.keys, sealed):
		return "", invalid("%s: %s must have the public key of the sealed seed, %s, or nobody would be let in; add it, deploy, and let the servers reload first; nothing was removed", c.Name, list.field(), sealed)
	case asked != "" && asked != sealed:
		return "", invalid("--keep must be the public key of the sealed seed, which is %s; nothing was removed", sealed)
	}
	return sealed, nil
}
