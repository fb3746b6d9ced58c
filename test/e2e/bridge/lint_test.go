// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

// lint is Bento's own judgement of a configuration: it knows every field, and parses every mapping.
func lint(t *testing.T, config string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bentoProgram, "lint", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("bento lint: %v\n%s", err, out)
	}
}

func TestLintGoldenCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "testdata", "golden", "*", "want.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range read(t, data).bridges() {
			found++
			t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) { lint(t, config) })
		}
	}
	if found < 2 {
		t.Errorf("%d golden cases have a bridge, want at least 2", found)
	}
}

// TestLintAnyNames: whatever names the function accepts, the configuration has no error in it.
func TestLintAnyNames(t *testing.T) {
	t.Parallel()
	const letters, rest = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789_-"
	random := func(first, more string, most int) string {
		name := string(first[rand.IntN(len(first))])
		for range rand.IntN(most) {
			name += string(more[rand.IntN(len(more))])
		}
		return name
	}
	field := func() string { return random(letters+rest, letters+rest, 62) }
	keys := []func() string{
		func() string { return "" },
		func() string { return fmt.Sprintf(", key: {header: %q}", random(letters, letters+"0123456789-", 62)) },
		func() string { return fmt.Sprintf(", key: {jsonField: %q}", field()) },
		func() string { return fmt.Sprintf(", key: {jsonField: %q}", field()+"."+field()+"."+field()) },
	}
	var routes strings.Builder
	for i := range 60 {
		fmt.Fprintf(&routes, "          r%d: {subject: restate.events.%s-%d, service: %s, handler: %s%s}\n", i,
			field(), i, random(letters, letters+rest+".", 126), random(letters, letters+rest+".", 126), keys[i%len(keys)]())
	}
	for _, word := range []string{"null", "true", "this", "root", "match", "_", "0"} {
		fmt.Fprintf(&routes, "          w%d: {subject: restate.events.%s, service: \"null\", handler: \"true\", key: {jsonField: \"%s\"}}\n", routes.Len(), word, word)
	}
	head, _, _ := strings.Cut(spec, "          created:")
	list := strings.NewReplacer("SERVER", "nats://nats.nats.svc:4222", "TLS", "null", "ORDERS", newUser(t).public, "NACK", newUser(t).public, "BRIDGE", newUser(t).public,
		"jetstream: {", `jetstream: {stream: "-", deadLetterStream: "0x10", `).Replace(head + routes.String())
	for _, config := range render(t, list, nil).bridges() {
		lint(t, config)
	}
	if t.Failed() {
		t.Log(routes.String())
	}
}
