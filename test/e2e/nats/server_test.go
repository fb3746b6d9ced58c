// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"sigs.k8s.io/yaml"
)

// config is the folder of a nats-server's configuration.
type config struct {
	dir string
}

// handwritten is the server's part of the configuration, around an accounts block that includes files.
const handwritten = `listen: "127.0.0.1:-1"
leafnodes { listen: "127.0.0.1:-1" }
jetstream { store_dir: "%s" }
accounts {
%s}
`

func newConfig(t testing.TB) config {
	t.Helper()
	return config{t.TempDir()}
}

func (c config) path() string { return filepath.Join(c.dir, "nats.conf") }

func (c config) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// include writes the files, and a configuration that includes them.
func (c config) include(t testing.TB, files map[string]string) {
	t.Helper()
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c.write(t, name, files[name])
		fmt.Fprintf(&lines, "  include ./%s\n", name)
	}
	c.write(t, "nats.conf", fmt.Sprintf(handwritten, filepath.Join(c.dir, "jetstream"), lines.String()))
}

// helm merges values files as Helm does, and writes what the nats chart makes of config.merge: its keys over those of the server, as
// JSON (github.com/nats-io/k8s, helm/charts/nats, files/config and files/_toPrettyRawJson.tpl).
func (c config) helm(t testing.TB, values ...string) {
	t.Helper()
	merged := map[string]any{}
	for _, text := range values {
		var v struct {
			Config struct {
				Merge map[string]any `json:"merge"`
			} `json:"config"`
		}
		if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		overlay(merged, v.Config.Merge)
	}
	overlay(merged, map[string]any{
		"listen": "127.0.0.1:-1", "leafnodes": map[string]any{"listen": "127.0.0.1:-1"}, "jetstream": map[string]any{"store_dir": filepath.Join(c.dir, "jetstream")},
	})
	c.write(t, "nats.conf", rawJSON(t, merged))
}

// overlay merges maps and replaces all else, lists too.
func overlay(base, over map[string]any) {
	for key, value := range over {
		below, isMap := base[key].(map[string]any)
		if child, both := value.(map[string]any); isMap && both {
			overlay(below, child)
		} else {
			base[key] = value
		}
	}
}

// rawJSON leaves > as it is.
func rawJSON(t testing.TB, value any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// load starts a server with the configuration, or says why it does not take it.
func (c config) load(t testing.TB) (*server.Server, error) {
	t.Helper()
	opts, err := server.ProcessConfigFile(c.path())
	if err != nil {
		return nil, err
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, fmt.Errorf("not ready")
	}
	return s, nil
}

// start is load for what must be taken.
func (c config) start(t testing.TB) *server.Server {
	t.Helper()
	s, err := c.load(t)
	if err != nil {
		t.Fatalf("nats-server refuses the configuration: %v", err)
	}
	return s
}

// body reads one account of a file that is to be included, to change it. JSON is what the function writes.
func body(t testing.TB, file, name string) map[string]any {
	t.Helper()
	var lines []string
	for line := range strings.Lines(file) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	text, found := strings.CutPrefix(strings.Join(lines, ""), name+": ")
	if !found {
		t.Fatalf("no account %s in:\n%s", name, file)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// entry is the opposite of body.
func entry(t testing.TB, name string, account map[string]any) string {
	t.Helper()
	return name + ": " + rawJSON(t, account)
}

// withUsers puts users without restrictions into somebody else's account, which the function writes without any.
func withUsers(t testing.TB, keys keyring, file, name string, users ...string) string {
	t.Helper()
	account := body(t, file, name)
	var list []any
	for _, u := range users {
		list = append(list, map[string]any{"nkey": keys.public(t, u)})
	}
	account["users"] = list
	return entry(t, name, account)
}

// connect returns a connection of a user, closed when the test ends.
func connect(t testing.TB, s *server.Server, keys keyring, user string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := dial(t, s, keys, user, options...)
	if err != nil {
		t.Fatalf("connect as %s: %v", user, err)
	}
	return nc
}

func dial(t testing.TB, s *server.Server, keys keyring, user string, options ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	base := []nats.Option{
		nats.Nkey(keys.public(t, user), keys.of(t, user).Sign), nats.CustomInboxPrefix("_INBOX_restate"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), nats.NoReconnect(),
	}
	nc, err := nats.Connect(s.ClientURL(), append(base, options...)...)
	if err != nil {
		return nil, err
	}
	t.Cleanup(nc.Close)
	return nc, nil
}
