// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// checkClients takes names for new or known clients. What is no name is not quoted, because it may be a key.
func checkClients(flag string, names []string) error {
	for i, name := range names {
		if !clientName.MatchString(name) {
			return fmt.Errorf("%s must name a client: a name has %s", flag, clientNameRule)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s must name each client once, and names %q twice", flag, name)
		}
	}
	return nil
}

// newKeyFile has a key for each client.
func newKeyFile(clients []string) keyFile {
	f := keyFile{}
	for _, name := range clients {
		f = append(f, clientKey{name, newAPIKey()})
	}
	return f.sorted()
}

// clientChange is what becomes of a file of keys: the next one, the keys that are new in it, and what was done, in words.
type clientChange struct {
	next, fresh keyFile
	text        string
}

// rotateKeys gives clients a second key.
func (f keyFile) rotateKeys(only []string) (clientChange, error) {
	names, err := f.named(only)
	if err != nil {
		return clientChange{}, err
	}
	for _, name := range names {
		if f.count(name) >= maxClientKeys {
			return clientChange{}, fmt.Errorf("must have one key for client %q before there is another, and has %d; end its rotation first: rotate --finish", name, f.count(name))
		}
	}
	fresh := newKeyFile(names)
	return clientChange{append(slices.Clone(f), fresh...).sorted(), fresh, "a new key beside the old one for " + strings.Join(names, ", ")}, nil
}

// finishKeys leaves the newest key of clients.
func (f keyFile) finishKeys(only []string) (clientChange, error) {
	names, err := f.named(only)
	if err != nil {
		return clientChange{}, err
	}
	single := func(name string) bool { return f.count(name) < maxClientKeys }
	if i := slices.IndexFunc(names, single); i >= 0 && len(only) > 0 {
		return clientChange{}, fmt.Errorf("must have an older key to remove, and client %q has 1 key in all", names[i])
	}
	if names = slices.DeleteFunc(slices.Clone(names), single); len(names) == 0 {
		return clientChange{}, errors.New("must have an older key to remove, and each client has 1 key in all")
	}
	next := keyFile{}
	for i, k := range f {
		if slices.Contains(names, k.client) && f[i+1:].count(k.client) > 0 {
			continue // a newer one follows
		}
		next = append(next, k)
	}
	return clientChange{next: next.sorted(), text: "the older key is removed for " + strings.Join(names, ", ")}, nil
}

// addClients makes a key for each new client.
func (f keyFile) addClients(names []string) (clientChange, error) {
	for _, name := range names {
		if f.count(name) > 0 {
			return clientChange{}, fmt.Errorf("must not have client %q yet, and has it; a new key for it is made by rotate --client %s", name, name)
		}
	}
	fresh := newKeyFile(names)
	return clientChange{append(slices.Clone(f), fresh...).sorted(), fresh, "a key for " + strings.Join(fresh.clients(), ", ")}, nil
}

// removeClients takes clients out, with all their keys.
func (f keyFile) removeClients(names []string) (clientChange, error) {
	names, err := f.named(names)
	if err != nil {
		return clientChange{}, err
	}
	next := slices.DeleteFunc(slices.Clone(f), func(k clientKey) bool { return slices.Contains(names, k.client) })
	return clientChange{next: next.sorted(), text: "no key any more for " + strings.Join(names, ", ")}, nil
}

// named are the clients that are asked for, which must be there; all of them when none is.
func (f keyFile) named(asked []string) ([]string, error) {
	known := f.clients()
	if len(known) == 0 {
		return nil, errors.New("has no client; add one with --add-client")
	}
	if len(asked) == 0 {
		return known, nil
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("has no client %q; it has %s", name, strings.Join(known, ", "))
		}
	}
	return asked, nil
}

// showKeys prints new keys, each in a line with what it is for, after the file was written: whoever reads them may pass them on at
// once.
func showKeys(streams IO, name, file string, fresh keyFile) error {
	for _, k := range fresh {
		if _, err := fmt.Fprintf(streams.Out, "%s %s %s\n", name, k.client, k.key); err != nil {
			return unableError{fmt.Errorf("%s is written, and its new keys cannot be shown: %w; take the file back to what it was, and run the command again", redact.Path(file), cause(err))}
		}
	}
	if len(fresh) > 0 {
		fmt.Fprintln(streams.Err, "the keys on standard output are shown this once: bring each to its client in a safe way, and keep no copy")
	}
	return nil
}
