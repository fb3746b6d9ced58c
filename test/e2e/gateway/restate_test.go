// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	restate "github.com/restatedev/sdk-go"
	restateserver "github.com/restatedev/sdk-go/server"
)

// restateProcess is a Restate server that listens on sockets in a directory of its own: no port, nobody else.
type restateProcess struct {
	cmd            *exec.Cmd
	done           <-chan struct{}
	admin, ingress *http.Transport
}

// startRestate starts a server and registers a service with a handler of each kind.
func startRestate(ctx context.Context, program, dir string) (*restateProcess, error) {
	service, err := serveHandlers(ctx)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "data")
	r := &restateProcess{admin: overSocket(filepath.Join(base, "e2e", "admin.sock")), ingress: overSocket(filepath.Join(base, "e2e", "ingress.sock"))}
	log, err := os.Create(filepath.Join(dir, "restate.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd = exec.Command(program, "--no-logo")
	r.cmd.Env = []string{
		"RESTATE_BASE_DIR=" + base, "RESTATE_NODE_NAME=e2e", "RESTATE_LISTEN_MODE=unix", "RESTATE_DISABLE_TELEMETRY=true",
		"RESTATE_DEFAULT_NUM_PARTITIONS=2", "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE=256MB", "RESTATE_LOG_DISABLE_ANSI_CODES=true",
	}
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if r.done, err = start(r.cmd); err != nil {
		return nil, err
	}
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err = r.register(service); err == nil {
			return r, nil
		}
		if time.Since(start) > time.Minute { // for a cold machine; a second is usual
			r.stop()
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("%w: %s", err, text[max(0, len(text)-2000):])
		}
	}
}

// overSocket speaks HTTP/2: over HTTP/1.1 the server may close before it has read the body of what it refuses, and the answer is lost.
func overSocket(path string) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}

func (r *restateProcess) register(service string) error {
	client := &http.Client{Transport: r.admin, Timeout: 10 * time.Second}
	resp, err := client.Post("http://restate/deployments", "application/json", strings.NewReader(fmt.Sprintf(`{"uri": %q}`, service)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return errors.New("register: " + resp.Status)
	}
	return nil
}

func (r *restateProcess) stop() {
	_ = r.cmd.Process.Kill() // it may have ended by itself, and has nothing to keep
	<-r.done
}

// behind answers by the server to whoever has the key of Restate Cloud.
func (r *restateProcess) behind(token func() string) http.Handler {
	proxy := &httputil.ReverseProxy{Transport: r.ingress, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: "restate"}) }}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("authorization") != "Bearer "+token() {
			http.Error(w, "wrong key", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, req)
	})
}

// serveHandlers serves a handler of each kind and returns its address.
func serveHandlers(ctx context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	l.Close()
	hello := func(_ restate.Context, name string) (string, error) { return "hello " + name, nil }
	greeter := restate.NewService("Greeter").Handler("greet", restate.NewServiceHandler(hello)).
		Handler("wait", restate.NewServiceHandler(func(ctx restate.Context, _ restate.Void) (string, error) {
			promise := restate.Awakeable[string](ctx)
			awakeables <- promise.Id()
			return promise.Result()
		}))
	counter := restate.NewObject("Counter").Handler("add", restate.NewObjectHandler(func(ctx restate.ObjectContext, n int) (string, error) {
		return fmt.Sprintf("%s+%d", restate.Key(ctx), n), nil
	}))
	cart := restate.NewService("shop.Cart.v1").Handler("greet", restate.NewServiceHandler(hello))
	secret := restate.NewService("Secret").Handler("greet", restate.NewServiceHandler(hello))
	flow := restate.NewWorkflow("Flow").Handler("run", restate.NewWorkflowHandler(func(_ restate.WorkflowContext, name string) (string, error) { return "ran " + name, nil }))
	go func() {
		endpoint := restateserver.NewRestate().WithLogger(slog.DiscardHandler, true).Bind(greeter).Bind(counter).Bind(cart).Bind(secret).Bind(flow)
		if err := endpoint.Start(ctx, address); err != nil && ctx.Err() == nil {
			panic(err)
		}
	}()
	return "http://" + address, nil
}

// awakeables are the ids of those that Greeter/wait waits for.
var awakeables = make(chan string, 16)
