// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// request is one of HTTP/1.1, sent byte by byte as it stands here: no client makes it tidy before.
type request struct {
	method string // empty: POST
	path   string
	header []string // lines
	body   string
	// tls changes how the client connects; nil: as the exposure does.
	tls func(*tls.Config)
}

// response has status 0 when TLS refused the client; err then says how.
type response struct {
	status int
	header http.Header
	body   string
	err    error
}

// requestTimeout has room for a machine that runs many gateways at once.
const requestTimeout = 20 * time.Second

// do sends a request to the gateway's port for calls, with the client certificate that is made for the exposure.
func (s *stage) do(r request) response {
	conn, err := s.dial(r.tls)
	if err != nil {
		return response{err: err}
	}
	defer conn.Close()
	return s.exchange(conn, r)
}

// dial connects as the exposure does, or in another way.
func (s *stage) dial(change func(*tls.Config)) (net.Conn, error) {
	config := s.clientTLS()
	if change != nil {
		change(config)
	}
	return tls.DialWithDialer(&net.Dialer{Timeout: requestTimeout}, "tcp", s.address(portCalls), config)
}

// ops sends a request to the plain port of probes and metrics.
func (s *stage) ops(method, path string) response {
	conn, err := net.DialTimeout("tcp", s.address(portOps), requestTimeout)
	if err != nil {
		return response{err: err}
	}
	defer conn.Close()
	return s.exchange(conn, request{method: method, path: path})
}

func (s *stage) exchange(conn net.Conn, r request) response {
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return response{err: err}
	}
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n", method, r.path)
	for _, line := range r.header {
		text.WriteString(line + "\r\n")
	}
	if r.body != "" {
		fmt.Fprintf(&text, "content-type: application/json\r\ncontent-length: %d\r\n", len(r.body))
	}
	text.WriteString("\r\n" + r.body)
	if _, err := io.WriteString(conn, text.String()); err != nil {
		return response{err: err}
	}
	return s.read(bufio.NewReader(conn), method, r.path)
}

// read takes the answer to a request.
func (s *stage) read(r *bufio.Reader, method, path string) response {
	got, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return response{err: err}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	out := response{status: got.StatusCode, header: got.Header, body: string(body), err: err}
	s.notice("the answer to "+method+" "+path, fmt.Sprint(out.header)+out.body)
	return out
}

// clientTLS is that of a client with the certificate that is made for the exposure.
func (s *stage) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: s.ca.pool(), ServerName: s.host, Certificates: s.clientCerts, MinVersion: tls.VersionTLS12}
}
