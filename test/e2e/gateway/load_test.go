// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// unlimited lifts the limits of rate, for cases about something else.
const unlimited = `rateLimit: {perReplica: {requestsPerSecond: 100000, burst: 100000}, perClient: {requestsPerSecond: 100000, burst: 100000}}`

// The ways in which the exposure may use its connections.
const (
	keepAlive = "HTTP/1.1"
	onePer    = "HTTP/1.1, a connection for each call"
	multiplex = "HTTP/2"
)

// client has connections of its own. config nil: that of the exposure.
func (s *stage) client(protocol string, config *tls.Config) *http.Client {
	if config == nil {
		config = s.clientTLS()
	}
	// A transport for HTTP/2 changes its configuration.
	t := &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: protocol == onePer, ForceAttemptHTTP2: protocol == multiplex}
	s.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: requestTimeout}
}

// newCall is a call of the greeting at an address, with header lines.
func newCall(ctx context.Context, address string, lines ...string) *http.Request {
	r := must(http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+greeting, strings.NewReader(`"x"`)))
	r.Host = "api.example.com"
	r.Header.Set("content-type", "application/json")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// send writes a request of HTTP/1.1 for the greeting as it stands, which no client would send. The connection stays open until the answer.
func (s *stage) send(text string) response {
	conn, err := s.dial(nil)
	if err != nil {
		return response{err: err}
	}
	defer conn.Close()
	return s.sendOver(conn, text)
}

func (s *stage) sendOver(conn net.Conn, text string) response {
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return response{err: err}
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return response{err: err}
	}
	return s.read(bufio.NewReader(conn), http.MethodPost, greeting)
}

// load calls the gateway in all ways at once, and remembers which calls were not answered with 200.
type load struct {
	s      *stage
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	calls    int
	failures []string
}

// traffic is what a load sends, asked anew for each call and each connection.
type traffic struct {
	address     func() string
	credentials func() string // a header line
	certificate func() *tls.Certificate
	clients     int           // for each way to use connections
	every       time.Duration // calls begin at this pace, however long they take; 0: one after another
}

// start calls until finish.
func (s *stage) start(t traffic) *load {
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel) // of a case that ends early
	l := &load{s: s, cancel: cancel}
	if t.address == nil {
		t.address = func() string { return s.address(portCalls) }
	}
	if t.credentials == nil {
		line := s.key("partner-a")
		t.credentials = func() string { return line }
	}
	if t.clients == 0 {
		t.clients = 2
	}
	config := s.clientTLS()
	if t.certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate(), nil }
	}
	for _, protocol := range []string{keepAlive, onePer, multiplex} {
		for range t.clients {
			client := s.client(protocol, config)
			l.done.Go(func() { l.run(ctx, func() { l.call(client, protocol, t) }, t.every*time.Duration(3*t.clients)) })
		}
	}
	return l
}

func (l *load) run(ctx context.Context, call func(), every time.Duration) {
	if every == 0 {
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			call()
		}
		return
	}
	for ticks := time.NewTicker(every); ; {
		select {
		case <-ticks.C:
			l.done.Go(call)
		case <-ctx.Done():
			ticks.Stop()
			return
		}
	}
}

// call ends by itself when it has begun: what finish cut would look like a failure.
func (l *load) call(client *http.Client, protocol string, t traffic) {
	err := answered(client, newCall(context.Background(), t.address(), t.credentials()))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if err != nil {
		l.failures = append(l.failures, fmt.Sprintf("%s: %v", protocol, err))
	}
}

func answered(client *http.Client, r *http.Request) error {
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s", resp.Status, body)
	}
	return nil
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// more waits for calls that begin after it was asked: the first ones may have begun before.
func (l *load) more() error {
	enough := l.count() + 60
	if !l.s.wait(requestTimeout, func() bool { return l.count() >= enough }) {
		return errors.New("the load stands still")
	}
	return nil
}

// finish ends the load, and says which calls failed.
func (l *load) finish() error {
	l.cancel()
	l.done.Wait()
	if len(l.failures) > 0 {
		return fmt.Errorf("%d of %d calls failed, the first: %s", len(l.failures), l.calls, l.failures[0])
	}
	if l.calls == 0 {
		return errors.New("no calls")
	}
	return nil
}

// rewrite gives a field of the bootstrap another value wherever it stands; nil takes it away. It must stand somewhere.
func rewrite(p *pod, name string, value any) {
	p.t.Helper()
	found := p.having(p.config["bootstrap.yaml"], name)
	if len(found) == 0 {
		p.t.Fatalf("the bootstrap has no %s", name)
	}
	for _, message := range found {
		with(message, name, value)
	}
}

// polls makes files of discovery be read more often than every 10 s.
func polls(interval string) func(*pod) {
	return func(p *pod) { rewrite(p, "poll_interval", interval) }
}
