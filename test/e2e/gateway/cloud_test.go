// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// cloud stands in for Restate Cloud: a server behind TLS that remembers what came.
type cloud struct {
	port string

	mu     sync.Mutex
	answer http.Handler
	seen   []arrival
	server *httptest.Server
}

// arrival is a request as the server got it.
type arrival struct {
	method, path, host, body string
	header                   http.Header
}

// startCloud serves with a certificate of its own; nil answers greets.
func startCloud(t testing.TB, cert tls.Certificate, answer http.Handler) *cloud {
	t.Helper()
	c := &cloud{answer: answer}
	if answer == nil {
		c.answer = http.HandlerFunc(greet)
	}
	c.server = httptest.NewUnstartedServer(c)
	c.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.server.EnableHTTP2 = true
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	_, c.port, _ = net.SplitHostPort(c.server.Listener.Addr().String())
	return c
}

// greet answers as Restate does, which names the invocation.
func greet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("x-restate-id", "inv_1test")
	w.Header().Set("content-type", "application/json")
	_, _ = io.WriteString(w, `"hello"`)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway gave up
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	c.mu.Lock()
	c.seen = append(c.seen, arrival{r.Method, r.RequestURI, r.Host, string(body), r.Header.Clone()})
	answer := c.answer
	c.mu.Unlock()
	answer.ServeHTTP(w, r)
}

// take returns what came since it was last asked.
func (c *cloud) take() []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.seen
	c.seen = nil
	return out
}

// answers changes what is answered.
func (c *cloud) answers(h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = h
}
