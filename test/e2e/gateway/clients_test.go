// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
)

func init() {
	groups["client certificates"] = group{checks: clientChecks}
	groups["named clients"] = group{
		setup:  setup{gateway: `{expose: {type: None, controller: {namespace: batch, podSelector: {matchLabels: {app: jobs}}}}, tls: {issuerRef: {name: step}, allowedClientSANs: [jobs.example.com, cron.example.com]}}`},
		checks: namedClientChecks,
	}
}

// long is a name of 120 characters: a pattern of it compiles to more than Envoy's own limit of 100.
var long = "jobs" + strings.Repeat(".of-a-team-with-a-long-name", 4) + ".svc.com"

func init() {
	services := []string{"Greeter"}
	for i := range 60 {
		services = append(services, fmt.Sprintf("OrderWorkflow%d", i))
	}
	groups["many services and a long name"] = group{
		setup: setup{gateway: `{services: [` + strings.Join(services, ", ") + `], expose: {type: None, controller: {namespace: batch, podSelector: {matchLabels: {app: jobs}}}}, tls: {issuerRef: {name: step}, allowedClientSANs: [` + long + `]}}`},
		checks: func(s *stage) []check {
			call := func(service string) request {
				return request{path: "/restate/call/" + service + "/greet", header: []string{s.key("partner-a")}, tls: presents(s.ca.issue(clientAuth, []string{long}))}
			}
			other := call("Greeter")
			other.tls = presents(s.ca.issue(clientAuth, []string{"a." + long}))
			return []check{
				{name: "the first", request: call("Greeter"), want: http.StatusOK},
				{name: "the last", request: call("OrderWorkflow59"), want: http.StatusOK},
				{name: "one more", request: call("OrderWorkflow60"), want: http.StatusNotFound},
				{name: "another long name", request: other, counter: badName},
			}
		},
	}
}

// greeting is a call that is answered.
const greeting = "/restate/call/Greeter/greet"

// Counters of refused clients.
const (
	noCert   = "envoy_listener_ssl_fail_verify_no_cert"
	badChain = "envoy_listener_ssl_fail_verify_error"
	badName  = "envoy_listener_ssl_fail_verify_san"
	badTLS   = "envoy_listener_ssl_connection_error"
)

// presents a certificate, whether the server asks for its CA or not; without one none.
func presents(p ...pair) func(*tls.Config) {
	return func(c *tls.Config) {
		c.Certificates = nil
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(p) == 0 {
				return &tls.Certificate{}, nil
			}
			return &p[0].tls, nil
		}
	}
}

// clientChecks are the certificates that clients may come with, by both versions of TLS.
func clientChecks(s *stage) []check {
	name := []string{must(x509.ParseCertificate(s.clientCerts[0].Certificate[0])).DNSNames[0]}
	good := request{path: greeting, header: []string{s.key("partner-a")}}
	var out []check
	for version, label := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		add := func(what string, want int, counter string, p ...pair) {
			r := good
			r.tls = func(c *tls.Config) {
				c.MinVersion, c.MaxVersion = version, version
				if what != "that of the exposure" {
					presents(p...)(c)
				}
			}
			out = append(out, check{name: what + ", " + label, request: r, want: want, counter: counter})
		}
		add("that of the exposure", http.StatusOK, "")
		add("another of its name", http.StatusOK, "", s.ca.issue(clientAuth, name))
		add("its name beside another", http.StatusOK, "", s.ca.issue(clientAuth, append([]string{"a.example.com"}, name...)))
		add("none", 0, noCert)
		add("of another CA", 0, badChain, newAuthority(s.t, "internal").issue(clientAuth, name))
		add("of the public CA", 0, badChain, s.publicCA.issue(clientAuth, name))
		add("of another name", 0, badName, s.ca.issue(clientAuth, []string{"a." + name[0]}))
		add("of the server's name", 0, badName, s.ca.issue(clientAuth, []string{s.host}))
		add("of a wildcard", 0, badName, s.ca.issue(clientAuth, []string{"*.restate.svc.cluster.local"}))
		add("with the name as common name alone", 0, badName, s.ca.issue(clientAuth, nil, func(c *x509.Certificate) { c.Subject.CommonName = name[0] }))
		add("expired", 0, badChain, s.ca.issue(clientAuth, name, expired))
		add("for servers alone", 0, badChain, s.ca.issue(serverAuth, name))
	}
	old := good
	old.tls = func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	return append(out, check{name: "TLS 1.1", request: old, counter: badTLS},
		check{name: "no TLS", run: func(s *stage) error {
			resp, err := http.Get("http://" + s.address(portCalls) + greeting)
			if err == nil {
				resp.Body.Close()
				return fmt.Errorf("answered %s without TLS", resp.Status)
			}
			return nil
		}})
}

// namedClientChecks: without exposure those that the spec names come in, and nobody else.
func namedClientChecks(s *stage) []check {
	var out []check
	for name, want := range map[string]int{"jobs.example.com": 200, "cron.example.com": 200, "prod-gateway-client.restate.svc.cluster.local": 0, "jobs.example.com.example.com": 0} {
		counter := ""
		if want == 0 {
			counter = badName
		}
		out = append(out, check{
			name: name, want: want, counter: counter,
			request: request{path: greeting, header: []string{s.key("partner-a")}, tls: presents(s.ca.issue(clientAuth, []string{name}))},
		})
	}
	return out
}
