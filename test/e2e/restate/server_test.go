// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mr-tron/base58"

	"github.com/restate-integration/restate-integration/test/e2e/process"
)

// server is a Restate server that listens on sockets in a directory of its own: no port, nobody else.
type server struct {
	admin, ingress *http.Client
	// publicKey is what services get to know the server by.
	publicKey string

	cmd  *exec.Cmd
	done <-chan struct{}
	log  string
}

// startTimeout is for a cold machine; half a second is usual.
const startTimeout = time.Minute

// startServer sends what goes to http deployments through the proxy. stop must be called also after an error.
func startServer(binary, dir, proxy string) (*server, error) {
	base := filepath.Join(dir, "data")
	s := &server{
		admin:   overSocket(filepath.Join(base, "e2e", "admin.sock")),
		ingress: overSocket(filepath.Join(base, "e2e", "ingress.sock")),
		log:     filepath.Join(dir, "server.log"),
	}
	key, public, err := newIdentity()
	if err != nil {
		return s, err
	}
	s.publicKey = public
	identity := filepath.Join(dir, "identity.pem")
	if err := os.WriteFile(identity, key, 0o600); err != nil {
		return s, err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return s, err
	}
	defer log.Close()
	cmd := exec.Command(binary, "--no-logo")
	cmd.Env = []string{
		"RESTATE_BASE_DIR=" + base, "RESTATE_NODE_NAME=e2e", "RESTATE_LISTEN_MODE=unix",
		"RESTATE_DISABLE_TELEMETRY=true", "RESTATE_DEFAULT_NUM_PARTITIONS=2", "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE=256MB",
		"RESTATE_LOG_DISABLE_ANSI_CODES=true",
		"RESTATE_WORKER__INVOKER__REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE=" + identity,
		"RESTATE_WORKER__INVOKER__HTTP_PROXY=" + proxy, `RESTATE_WORKER__INVOKER__NO_PROXY=["127.0.0.1"]`,
	}
	cmd.Stdout, cmd.Stderr = log, log
	if s.done, err = process.Start(cmd); err != nil {
		return s, err
	}
	s.cmd = cmd
	return s, s.ready()
}

func overSocket(path string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 30 * time.Second}
}

// newIdentity is a key for signing requests: PKCS 8 in PEM, and the public half as services take it.
func newIdentity() (private []byte, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "publickeyv1_" + base58.Encode(pub), nil
}

func (s *server) ready() error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case <-s.done:
			text, _ := os.ReadFile(s.log)
			return fmt.Errorf("restate-server ended: %s", text[max(0, len(text)-2000):])
		case <-time.After(50 * time.Millisecond):
		}
		if answers(s.admin, "/health") && answers(s.ingress, "/restate/health") {
			return nil
		}
	}
	return errors.New("restate-server is not ready")
}

func answers(client *http.Client, path string) bool {
	resp, err := client.Get("http://restate" + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// deployment is what the server knows of a registered URL.
type deployment struct {
	ID, URI  string
	Metadata map[string]string
}

// knows lists what the server knows of a Restate service: path of each registered URL, revision, and for the deployment that gets new
// calls the handlers.
func (s *server) knows(t *testing.T, name, host string) []string {
	t.Helper()
	var list struct{ Deployments []deployment }
	s.get(t, "/deployments", &list)
	var newest struct {
		Deployment string `json:"deployment_id"`
		Handlers   []struct{ Name string }
	}
	s.get(t, "/services/"+name, &newest)
	var out []string
	for _, d := range list.Deployments {
		_, path, found := strings.Cut(d.URI, "/http/"+host+"/9080")
		if !found {
			continue
		}
		line := fmt.Sprintf("%q revision %q", strings.TrimPrefix(path, "/"), d.Metadata["restate-integration.dev/revision"])
		if d.ID == newest.Deployment {
			var handlers []string
			for _, h := range newest.Handlers {
				handlers = append(handlers, h.Name)
			}
			slices.Sort(handlers)
			line += ", called: " + strings.Join(handlers, " ")
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// get leaves into as it is when there is no such thing.
func (s *server) get(t *testing.T, path string, into any) {
	t.Helper()
	resp, err := s.admin.Get("http://restate" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// registerByHand is what somebody does who does not use the function.
func (s *server) registerByHand(t *testing.T, uri string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"uri": uri})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.admin.Post("http://restate/deployments", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("register %s: %s %s", uri, resp.Status, text)
	}
}

// call calls a handler through the ingress and returns its answer: the wanted one, or what it still is after some seconds, because
// the ingress learns of a registration a moment after the admin API.
func (s *server) call(t *testing.T, name, handler, want string) string {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		got := s.callOnce(t, name, handler)
		if got == want || time.Now().After(deadline) {
			return got
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *server) callOnce(t *testing.T, name, handler string) string {
	t.Helper()
	resp, err := s.ingress.Post("http://restate/restate/call/"+name+"/"+handler, "application/json", strings.NewReader(`"you"`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
