// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// What the gateway's configuration says of the file and of the headers (generators, gateway_config.go). Envoy refuses a file in which
// the filter has another name.
const (
	apiKeyFilter = "api-key-auth"
	apiKeyHeader = "x-api-key"
	clientHeader = "x-gateway-client"
	// clientPrefix keeps the callers with a key apart from the subjects of JWTs, which go into the same header.
	clientPrefix = "apikey:"
)

const (
	// apiKeyPrefix tells a key from a digest, for those who look for secrets.
	apiKeyPrefix = "rgw_"
	// apiKeySize is that of a new key behind the prefix, in bytes.
	apiKeySize = 32
	// minKeyBits and minKeyChars keep out what a person made up: how many bits a key can have, and how many different characters.
	minKeyBits  = 8 * apiKeySize
	minKeyChars = 8
	// maxClientKeys is a key and the one that follows it.
	maxClientKeys = 2
)

// clientKey is a key of a client, which is named without the prefix.
type clientKey struct{ client, key string }

// keyFile has the API keys of a gateway: the clients by name, and the keys of one by age, the oldest first.
type keyFile []clientKey

// newAPIKey makes a key.
func newAPIKey() string {
	key := make([]byte, apiKeySize)
	_, _ = rand.Read(key) // ends the program where the machine gives no randomness
	return apiKeyPrefix + hex.EncodeToString(key)
}

// keyFileHead is all but the keys. YAML of Envoy, as generators writes its other files.
const keyFileHead = `# API keys of a gateway's callers, as Envoy reads them. Written by restate-integration-secrets, which adds, replaces and removes keys.
# Of two keys of a client the second is the newer one.
resources:
- "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
  name: ` + apiKeyFilter + `
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth
    key_sources:
    - header: ` + apiKeyHeader + `
    forwarding: {header: ` + clientHeader + `, hide_credentials: true}
    credentials:`

// text is the discovery file. Keys are quoted: one of digits alone would be a number.
func (f keyFile) text() string {
	if len(f) == 0 {
		return keyFileHead + " []\n"
	}
	var b strings.Builder
	b.WriteString(keyFileHead + "\n")
	for _, k := range f {
		fmt.Fprintf(&b, "    - {key: %q, client: %q}\n", k.key, clientPrefix+k.client)
	}
	return b.String()
}

// sorted has the clients in the order of their names. The keys of one keep theirs.
func (f keyFile) sorted() keyFile {
	out := slices.Clone(f)
	slices.SortStableFunc(out, func(a, b clientKey) int { return strings.Compare(a.client, b.client) })
	return out
}

// clients are the names, sorted.
func (f keyFile) clients() []string {
	var out []string
	for _, k := range f {
		out = append(out, k.client)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// count is how many keys a client has.
func (f keyFile) count(client string) int {
	count := 0
	for _, k := range f {
		if k.client == client {
			count++
		}
	}
	return count
}

// readKeyFile takes a discovery file that has what ours has, and nothing else. No error quotes anything of it but names of clients.
func readKeyFile(value string) (keyFile, error) {
	var form struct {
		Resources []struct {
			Config struct {
				Credentials []struct{ Key, Client string }
			} `yaml:"typed_config"`
		}
	}
	var node yaml.Node
	var got, want any
	if !utf8.ValidString(value) || decodeOne(value, &node) != nil || node.Decode(&form) != nil || node.Decode(&got) != nil {
		return nil, errors.New("must be one YAML document, the discovery file of API keys that Envoy reads")
	}
	if !plain(&node) {
		return nil, errors.New("must not have anchors, aliases or tags, which Envoy reads in another way")
	}
	f := keyFile{}
	for _, resource := range form.Resources {
		for i, c := range resource.Config.Credentials {
			name, ours := strings.CutPrefix(c.Client, clientPrefix)
			if !ours || !clientName.MatchString(name) {
				return nil, fmt.Errorf("must have in credentials[%d] a client of the form %sNAME; a name has %s", i, clientPrefix, clientNameRule)
			}
			f = append(f, clientKey{name, c.Key})
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := decodeOne(f.text(), &want); err != nil {
		return nil, err
	}
	if problem := unlike("", want, got); problem != "" {
		return nil, errors.New("must be the discovery file that seal writes, in which " + problem)
	}
	return f, nil
}

func decodeOne(text string, into any) error {
	dec := yaml.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(into); err != nil {
		return err
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("must be one document")
	}
	return nil
}

// plain reports whether a document means the same to every parser of YAML.
func plain(n *yaml.Node) bool {
	return n.Anchor == "" && n.Alias == nil && n.Style&yaml.TaggedStyle == 0 &&
		!slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return !plain(c) })
}

// unlike names the first place at which a file is another than the wanted one, and never what stands there: it may be a key.
func unlike(place string, want, got any) string {
	at := cmp.Or(strings.TrimPrefix(place, "."), "the file")
	switch want := want.(type) {
	case map[string]any:
		fields, _ := got.(map[string]any)
		names := slices.Sorted(maps.Keys(want))
		if !slices.Equal(names, slices.Sorted(maps.Keys(fields))) {
			return at + " must have these fields and no others: " + strings.Join(names, ", ")
		}
		for _, name := range names {
			if problem := unlike(place+"."+name, want[name], fields[name]); problem != "" {
				return problem
			}
		}
	case []any:
		list, _ := got.([]any)
		if list == nil || len(list) != len(want) {
			return fmt.Sprintf("%s must be a list of %d", at, len(want))
		}
		for i := range want {
			if problem := unlike(fmt.Sprintf("%s[%d]", place, i), want[i], list[i]); problem != "" {
				return problem
			}
		}
	default:
		if want != got && strings.Contains(place, ".credentials[") {
			return at + " must be text in quotes" // what it must be is a key
		}
		if want != got {
			return fmt.Sprintf("%s must be %v", at, want)
		}
	}
	return ""
}

// check finds the keys that Envoy would refuse, the whole file with them, and those that can be guessed.
func (f keyFile) check() error {
	owner := map[string]string{}
	for _, k := range f {
		if other, twice := owner[k.key]; twice {
			return fmt.Errorf("must not have one key twice, for %q and %q: Envoy refuses the whole file", other, k.client)
		}
		owner[k.key] = k.client
		if weak(k.key) {
			return fmt.Errorf("must have keys of %d random bits, such as %d hexadecimal digits, and has another for client %q", minKeyBits, 2*apiKeySize, k.client)
		}
		if f.count(k.client) > maxClientKeys {
			return fmt.Errorf("must have at most %d keys for a client, and has %d for %q", maxClientKeys, f.count(k.client), k.client)
		}
	}
	return nil
}

// alphabets are those in which keys are written, the smallest first.
var alphabets = []struct {
	characters *regexp.Regexp
	size       float64
}{
	{regexp.MustCompile(`^[0-9]*$`), 10},
	{regexp.MustCompile(`^([0-9a-f]*|[0-9A-F]*)$`), 16},
	{regexp.MustCompile(`^([a-z2-7]*|[A-Z2-7]*)$`), 32},
	{regexp.MustCompile(`^([a-z0-9]*|[A-Z0-9]*)$`), 36},
	{regexp.MustCompile(`^[A-Za-z0-9]*$`), 62},
	{regexp.MustCompile(`^[A-Za-z0-9+/_.~-]*=*$`), 64},
}

// weak reports whether a key has fewer bits than a new one, at the most that its characters allow. What has others is no key.
func weak(key string) bool {
	key = strings.TrimPrefix(key, apiKeyPrefix)
	different := map[rune]bool{}
	for _, r := range key {
		different[r] = true
	}
	for _, a := range alphabets {
		if a.characters.MatchString(key) {
			digits := strings.TrimRight(key, "=")
			return float64(len(digits))*math.Log2(a.size) < minKeyBits || len(different) < minKeyChars
		}
	}
	return true
}

// clientName is what a caller may be called: it stands in a header, in logs and on command lines.
var clientName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

const clientNameRule = "at most 63 lower-case letters, digits, -, _ and ., and begins and ends with a letter or digit"

// checkKeyFile is the check of the kind.
func checkKeyFile(value string, _ time.Time) (string, error) {
	f, err := readKeyFile(value)
	if err == nil && len(f) == 0 {
		return "has no client, so that the gateway lets nobody in with a key", nil
	}
	return "", err
}
