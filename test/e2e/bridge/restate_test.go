// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	restate "github.com/restatedev/sdk-go"
	restateserver "github.com/restatedev/sdk-go/server"
)

// The Restate server of all cases, and what its handlers were called with.
var (
	ingress string
	calls   callLog
)

// call is one run of a handler.
type call struct {
	target, key, body, traceparent, idempotencyKey string
}

type callLog struct {
	mu   sync.Mutex
	list []call
}

func (l *callLog) add(c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, c)
}

// of returns the calls with a body, which says whose they are.
func (l *callLog) of(body string) []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []call
	for _, c := range l.list {
		if c.body == body {
			out = append(out, c)
		}
	}
	return out
}

// handler counts. A handler that is run again after an error of its own would count twice, so it has none.
func handler[C restate.Context](target string, key func(C) string) func(C, json.RawMessage) (restate.Void, error) {
	return func(ctx C, body json.RawMessage) (restate.Void, error) {
		r := ctx.Request()
		calls.add(call{target, key(ctx), string(body), r.Headers.Get("traceparent"), r.IdempotencyKey})
		return restate.Void{}, nil
	}
}

func noKey(restate.Context) string { return "" }

func objectKey(ctx restate.ObjectContext) string { return restate.Key(ctx) }

// startService serves the handlers and returns their address.
func startService(ctx context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	l.Close()
	orders := restate.NewService("Orders").
		Handler("created", restate.NewServiceHandler(handler("Orders/created", noKey))).
		Handler("cancelled", restate.NewServiceHandler(handler("Orders/cancelled", noKey)))
	order := restate.NewObject("Order").Handler("created", restate.NewObjectHandler(handler("Order/created", objectKey)))
	go func() {
		if err := restateserver.NewRestate().WithLogger(slog.DiscardHandler, true).Bind(orders).Bind(order).Start(ctx, address); err != nil && ctx.Err() == nil {
			panic(err)
		}
	}()
	return "http://" + address, nil
}

// startRestate starts a server of one node below dir, and registers the service. It runs until the function returned is called.
func startRestate(ctx context.Context, program, dir, service string) (stop func(), err error) {
	var ports [3]int
	var listeners [3]net.Listener // held until all are known, so that they differ
	for i := range ports {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		ports[i] = listeners[i].Addr().(*net.TCPAddr).Port
	}
	for _, l := range listeners {
		l.Close()
	}
	log, err := os.Create(filepath.Join(dir, "restate.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "--no-logo")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "RESTATE_BASE_DIR="+filepath.Join(dir, "restate"), "RESTATE_NODE_NAME=dev", "RESTATE_DISABLE_TELEMETRY=true",
		"RESTATE_BIND_IP=127.0.0.1", "RESTATE_LISTEN_MODE=tcp", "RESTATE_ADVERTISED_HOST=127.0.0.1",
		"RESTATE_DEFAULT_NUM_PARTITIONS=2", "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE=256MB",
		fmt.Sprintf("RESTATE_INGRESS__BIND_PORT=%d", ports[0]), fmt.Sprintf("RESTATE_ADMIN__BIND_PORT=%d", ports[1]), fmt.Sprintf("RESTATE_BIND_PORT=%d", ports[2]))
	tie(cmd)
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // as run of bento
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	stop = func() {
		cmd.Process.Kill()
		<-ended
	}
	ingress = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	admin := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err = register(ctx, admin, service); err == nil {
			return stop, nil
		}
		if time.Since(start) > 30*time.Second {
			stop()
			return nil, err
		}
	}
}

func register(ctx context.Context, admin, service string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, admin+"/deployments", bytes.NewBufferString(fmt.Sprintf(`{"uri": %q}`, service)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("register %s: %s", service, resp.Status)
	}
	return nil
}
