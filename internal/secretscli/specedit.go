// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// specEdit is a change of one list of public keys. One of add and keep is set.
type specEdit struct {
	of credential
	// add is a key to be added, keep the one that stays of several.
	add, keep string
}

// adds lists the public keys that new seeds bring.
func (p *project) adds(seeds map[string]string) ([]specEdit, error) {
	var out []specEdit
	owner := map[string]string{}
	for _, c := range p.credentials {
		if c.public != nil {
			for _, key := range c.public.keys {
				owner[key] = c.Name
			}
		}
	}
	for _, c := range p.credentials {
		seed, has := seeds[c.Name]
		if !has || c.public == nil {
			continue
		}
		e := specEdit{of: c, add: publicKey(seed)}
		if other, taken := owner[e.add]; taken && other != c.Name {
			return nil, invalid("%s: the value must be a seed of its own, and its public key is that of %q too", c.Name, other)
		}
		owner[e.add] = c.Name
		out = append(out, e)
	}
	return out, nil
}

// edited is the file of the spec, read now, with the changes.
func (p *project) edited(edits []specEdit) ([]byte, error) {
	if len(edits) == 0 {
		return nil, nil
	}
	info, err := p.root.Lstat(p.base)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("must be a file and no link, to be written")
	}
	if err != nil {
		return nil, unableError{fmt.Errorf("cannot write %s: %w", p.base, cause(err))}
	}
	data, err := p.root.ReadFile(p.base)
	if err != nil {
		return nil, unableError{fmt.Errorf("cannot read %s: %w", p.base, cause(err))}
	}
	for _, e := range edits {
		if e.add != "" {
			data, err = addKey(data, e.of.public.path, e.add)
		} else {
			data, err = keepKey(data, e.of.public.path, e.keep)
		}
		if err != nil {
			return nil, invalid("%s: %s %w", redact.Path(p.base), e.of.public.field(), err)
		}
	}
	return data, nil
}

// editSpec writes the keys that are to be added, after the Secrets that they belong to. What cannot be written is for the user to write.
func (p *project) editSpec(streams IO, edits []specEdit) error {
	if len(edits) == 0 {
		return nil
	}
	data, err := p.edited(edits)
	if err == nil {
		err = p.write(p.base, data)
	}
	if err != nil {
		fmt.Fprintf(streams.Err, "error: the Secret is written, and %s is not; by hand\n", redact.Path(p.base))
		for _, e := range edits {
			fmt.Fprintf(streams.Err, "  add to %s: %s\n", e.of.public.field(), e.add)
		}
		return err
	}
	for _, e := range edits {
		if slices.Contains(e.of.public.keys, e.add) {
			fmt.Fprintf(streams.Err, "%s: %s has %s already\n", redact.Path(p.base), e.of.public.field(), e.add)
		} else {
			fmt.Fprintf(streams.Err, "%s: %s: %s is added\n", redact.Path(p.base), e.of.public.field(), e.add)
		}
	}
	return nil
}
