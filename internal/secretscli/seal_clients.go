// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clientOrigins adds what the flag --client of seal names to the places where values come from. Without a name in front it is about
// the only API keys of the spec.
func (p *project) clientOrigins(flags []string, origins map[string]origin) error {
	names := map[string][]string{}
	for _, flag := range flags {
		keys, client, named := strings.Cut(flag, "=")
		if !named {
			client, keys = flag, p.onlyKeys()
		}
		switch c := p.credential(keys); {
		case named && c.Name == "":
			return p.unknown(keys)
		case keys == "":
			return fmt.Errorf("--client must say which API keys it is about, as KEYS=NAME; the spec has %s", or(strings.Join(p.apiKeys(), ", "), "none"))
		case c.kind != kindAPIKeys:
			return fmt.Errorf("--client must be about the API keys of a gateway, and %s has no clients", keys)
		}
		names[keys] = append(names[keys], client)
	}
	for _, keys := range slices.Sorted(maps.Keys(names)) {
		if err := checkClients("--client", names[keys]); err != nil {
			return err
		}
		if _, twice := origins[keys]; twice {
			return fmt.Errorf("the value of %s must come from one place", keys)
		}
		origins[keys] = origin{clients: names[keys]}
	}
	return nil
}

// apiKeys lists the names of the API keys of gateways.
func (p *project) apiKeys() []string {
	var out []string
	for _, c := range p.credentials {
		if c.kind == kindAPIKeys {
			out = append(out, c.Name)
		}
	}
	return out
}

// onlyKeys is the name of the API keys where the spec has one Secret of them, else empty.
func (p *project) onlyKeys() string {
	if all := p.apiKeys(); len(all) == 1 {
		return all[0]
	}
	return ""
}

// nobodyNamed reports whether a Secret has the API keys of a gateway alone, and no client was named. Whoever seals the Secrets of other
// roles need not know the clients.
func (s sealer) nobodyNamed(n need) bool {
	_, given := s.origins[n.keys[0].role]
	return len(n.keys) == 1 && s.credential(n.keys[0].role).kind == kindAPIKeys && !given
}

// addsClient is what stands behind rotate where a value was given as clients.
func (s sealer) addsClient(role string) string {
	out := ""
	for _, client := range s.origins[role].clients {
		out += " --add-client " + client
	}
	return out
}

// showClients prints the keys that were made for a Secret.
func (s sealer) showClients(t target, values map[string]string) error {
	for _, k := range t.keys {
		if len(s.origins[k.role].clients) == 0 {
			continue
		}
		fresh, err := readKeyFile(values[k.role])
		if err != nil {
			return err
		}
		if err := showKeys(s.streams, k.role, t.file, fresh); err != nil {
			return err
		}
	}
	return nil
}
