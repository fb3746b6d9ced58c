// SPDX-License-Identifier: Apache-2.0

package sops_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// runbook is the page whose commands are run.
const runbook = "../../docs/runbooks/secret-rotation.md"

// block is a fenced code block of a page.
type block struct {
	language, text string
	// output is the block of text that follows at once: what the commands print.
	output string
}

var fence = regexp.MustCompile("(?ms)^([ ]*)```([a-z]+)\n(.*?)^[ ]*```\n")

// blocks are those of a page, without the indent of a list around them.
func blocks(page string) []block {
	var out []block
	end := -1
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		indent, language, text := page[at[2]:at[3]], page[at[4]:at[5]], page[at[6]:at[7]]
		text = strings.ReplaceAll("\n"+text, "\n"+indent, "\n")[1:]
		if language == "text" && end >= 0 && strings.TrimSpace(page[end:at[0]]) == "" {
			out[len(out)-1].output = text
		} else {
			out = append(out, block{language: language, text: text})
		}
		end = at[1]
	}
	return out
}

// TestRunbook runs the page from top to bottom, as somebody does who follows it, on a copy of the quickstart with its published keys.
// Commands that need a cluster or a terminal are listed.
func TestRunbook(t *testing.T) {
	if os.Getenv("SOPS") == "" {
		t.Skip("SOPS does not name a sops program")
	}
	page, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	w := quickstart(t)
	ran := 0
	for _, b := range blocks(string(page)) {
		switch b.language {
		case "console":
			t.Logf("not run:\n%s", b.text)
		case "sh":
			ran++
			if strings.Contains(b.text, "rotate --recipients") {
				w.changeRecipients()
			}
			if strings.Contains(b.text, "rotate nats") {
				w.addBridge()
			}
			if strings.Contains(b.text, "gateway-keys") {
				w.addGateway()
			}
			out := w.shell(b.text)
			if !strings.Contains(normal(out), b.output) {
				t.Errorf("%sprints\n%s, and the page says\n%s", b.text, normal(out), b.output)
			}
		default:
			t.Errorf("a block of %q is neither run nor said not to be: mark it sh or console, or put it behind the block that prints it", b.language)
		}
	}
	if ran < 16 {
		t.Errorf("ran %d blocks only", ran)
	}
	if problem := w.shell("restate-integration secrets check ."); strings.Contains(problem, "error:") {
		t.Errorf("the page leaves behind\n%s", problem)
	}
}

// quickstart is a clone of the example, with a Secret that is not overdue.
func quickstart(t *testing.T) workspace {
	t.Helper()
	keys, err := filepath.Abs("../../internal/sopsfile/testdata/fixture-key/age.key")
	if err != nil {
		t.Fatal(err)
	}
	w := workspace{t: t, dir: t.TempDir(), env: []string{
		"PATH=" + filepath.Dir(os.Getenv("KUSTOMIZE")) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"SOPS_AGE_KEY_FILE=" + keys, "NEW_KEY=" + apiKey(), "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
	}}
	if err := os.CopyFS(w.dir, os.DirFS("../../examples/quickstart")); err != nil {
		t.Fatal(err)
	}
	w.ours(apiKey(), "rotate", "tunnel", "--from-stdin")
	// sops.lastmodified has a resolution of a second, and the next rotation is to change it.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	w.shell("git init --quiet . && git add . && git commit --quiet --message start")
	return w
}

// changeRecipients puts a new key in the place of the one that is kept elsewhere.
func (w workspace) changeRecipients() {
	w.t.Helper()
	id, _ := x25519Key(w.t)
	spare, err := os.ReadFile("../../internal/sopsfile/testdata/fixture-key/age-second.pub")
	if err != nil {
		w.t.Fatal(err)
	}
	rules := w.read(".sops.yaml")
	changed := strings.Replace(rules, strings.TrimSpace(string(spare)), id, 1)
	if changed == rules {
		w.t.Fatal("the quickstart has no second recipient")
	}
	w.write(".sops.yaml", changed)
}

// addBridge gives the quickstart an event bridge with a seed, as its second commit would.
func (w workspace) addBridge() {
	w.t.Helper()
	const nats = `
  nats:
    servers: ["tls://nats.nats.svc:4222"]
    jetstream: {nack: {publicKeys: [NACK]}}
    bridge:
      publicKeys: [] # in the order in which they were made
      routes: {created: {subject: restate.events.created, service: Orders, handler: created}}
`
	pair, err := nkeys.CreateUser()
	if err != nil {
		w.t.Fatal(err)
	}
	nack, err := pair.PublicKey()
	if err != nil {
		w.t.Fatal(err)
	}
	spec := strings.TrimSuffix(w.read("integration.yaml"), "\n") + strings.Replace(nats, "NACK", nack, 1)
	w.write("integration.yaml", spec)
	w.shell("restate-integration secrets seal --from-env ingress=NEW_KEY && git add . && git commit --quiet --message bridge")
	// sops.lastmodified has a resolution of a second, and the rotation is to change it.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
}

// addGateway gives it a gateway with two clients, in front of the first block that needs one.
func (w workspace) addGateway() {
	w.t.Helper()
	const gateway = `
  gateway:
    tls: {issuerRef: {name: step}}
    auth: {apiKeys: {}}
    expose: {type: Ingress, host: api.example.com, clusterIssuer: letsencrypt-prod}
    services: [Orders]
`
	if spec := w.read("integration.yaml"); !strings.Contains(spec, gateway) {
		w.write("integration.yaml", strings.TrimSuffix(spec, "\n")+gateway)
		w.shell("restate-integration secrets seal --client partner-a --client partner-b && git add . && git commit --quiet --message gateway")
	}
}

// shell runs the commands of a block, and returns all that they print.
func (w workspace) shell(commands string) string {
	w.t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = w.dir
	cmd.Env = append([]string{"HOME=" + w.dir, "SOPS_DISABLE_VERSION_CHECK=1"}, w.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s: %v\n%s", commands, err, &out)
	}
	return out.String()
}

var (
	dates   = regexp.MustCompile(`\d{4}-\d\d-\d\d`)
	digests = regexp.MustCompile(`[0-9a-f]{64}`)
	apiKeys = regexp.MustCompile(`(?m)^(gateway-keys \S+) rgw_[0-9a-f]{64}$`)
)

// normal is an output without what differs from run to run.
func normal(out string) string {
	return digests.ReplaceAllString(dates.ReplaceAllString(apiKeys.ReplaceAllString(out, "$1 <key>"), "<date>"), "<digest>")
}
