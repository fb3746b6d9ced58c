// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// serverSecret has the server's certificate, and beside it the CA of clients.
const serverSecret = "prod-gateway-tls"

func init() {
	groups["rotation under load"] = group{setup: setup{gateway: unlimited, change: polls("1s")}, checks: rotationChecks}
	groups["rotation at the real pace"] = group{checks: realPaceChecks}
	groups["issuer's keys change"] = group{
		setup:  setup{gateway: `auth: {` + jwtAuth + `}`, change: func(p *pod) { rewrite(p, "cache_duration", "1s") }},
		checks: issuerRotationChecks,
	}
	groups["token appears later"] = group{setup: setup{change: without(tokenSecret, tokenFile)}, checks: noTokenChecks}
	groups["certificate appears later"] = group{setup: setup{change: without(serverSecret, "tls.crt", "tls.key")}, checks: noCertificateChecks("tls.crt", "tls.key")}
	groups["CA of clients appears later"] = group{setup: setup{change: without(serverSecret, "ca.crt")}, checks: noCertificateChecks("ca.crt")}
}

// rotationChecks change one thing after another while calls of all kinds go on. None may fail.
func rotationChecks(*stage) []check {
	return []check{
		{name: "server certificate", run: rotateServer},
		{name: "CA of clients", run: rotateClientCA},
		{name: "API keys", run: rotateKeys},
		{name: "key of Restate Cloud", run: rotateToken},
		{name: "seventy files of keys in a row", run: rotateKeysOften},
	}
}

// served is the certificate that a new connection gets.
func served(s *stage) *big.Int {
	conn, err := tls.Dial("tcp", s.address(portCalls), s.clientTLS())
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber
}

func serial(p pair) *big.Int { return must(x509.ParseCertificate(p.tls.Certificate[0])).SerialNumber }

func rotateServer(s *stage) error {
	l := s.start(traffic{})
	next := s.ca.issue(serverAuth, []string{s.host}, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(3 * time.Hour) })
	s.pod.update(serverSecret, map[string][]byte{"tls.crt": next.certPEM, "tls.key": next.keyPEM})
	if !s.wait(pollTimeout, func() bool { got := served(s); return got != nil && got.Cmp(serial(next)) == 0 }) {
		return errors.New("new connections get the old certificate")
	}
	if err := l.more(); err != nil {
		return err
	}
	if left := s.metric(expiry, `"server"`) - float64(time.Now().Unix()); left < 2*3600 {
		return fmt.Errorf("by the metric the new certificate has %v seconds left", left)
	}
	return l.finish()
}

// rotateClientCA: both CAs count for a while, in which clients get certificates of the new one.
func rotateClientCA(s *stage) error {
	name := must(x509.ParseCertificate(s.clientCerts[0].Certificate[0])).DNSNames
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(&s.clientCerts[0])
	old := s.clientCerts[0]
	kept, err := s.dial(nil)
	if err != nil {
		return err
	}
	defer kept.Close()
	l := s.start(traffic{certificate: shown.Load})
	ca := newAuthority(s.t, "next internal")
	next := ca.issue(clientAuth, name)
	greets := func(cert tls.Certificate) bool {
		r := calls(s.key("partner-a"))
		r.tls = func(c *tls.Config) { c.Certificates = []tls.Certificate{cert} }
		return s.do(r).status == http.StatusOK
	}
	if greets(next.tls) {
		return errors.New("the new CA counts before it is there")
	}
	s.pod.update(serverSecret, map[string][]byte{"ca.crt": slices.Concat(s.ca.pem(), ca.pem())})
	if !s.wait(pollTimeout, func() bool { return greets(next.tls) }) || !greets(old) {
		return errors.New("both CAs must count")
	}
	shown.Store(&next.tls)
	if err := l.more(); err != nil {
		return err
	}
	s.pod.update(serverSecret, map[string][]byte{"ca.crt": ca.pem()})
	if !s.wait(pollTimeout, func() bool { return !greets(old) }) {
		return errors.New("the old CA still counts")
	}
	if err := l.more(); err != nil {
		return err
	}
	if got := s.sendOver(kept, bare(s.key("partner-a"))); got.status != http.StatusOK {
		return fmt.Errorf("an open connection is answered with %d (%v)", got.status, got.err)
	}
	s.clientCerts = []tls.Certificate{next.tls} // for the checks after this
	return l.finish()
}

// keysWith has another key of partner-a beside, as while it is replaced.
func keysWith(keys map[string]string, another string) string {
	const beside = "partner-a, the newer one"
	both := maps.Clone(keys)
	both[beside] = another
	return strings.Replace(keysOf(both), beside, "partner-a", 1)
}

func rotateKeys(s *stage) error {
	old, next := s.keys["partner-a"], s.hide("next-"+strings.Repeat("k", 60))
	var shown atomic.Value
	shown.Store(old)
	mine := s.start(traffic{credentials: func() string { return "x-api-key: " + shown.Load().(string) }})
	line := s.key("partner-b")
	others := s.start(traffic{credentials: func() string { return line }, clients: 1})
	status := func(key string) int { return s.do(calls("x-api-key: " + key)).status }
	if status(next) != http.StatusUnauthorized {
		return errors.New("the new key counts before it is there")
	}
	s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(keysWith(s.keys, next))})
	if !s.wait(pollTimeout, func() bool { return status(next) == http.StatusOK }) || status(old) != http.StatusOK {
		return errors.New("both keys must count")
	}
	shown.Store(next)
	if err := errors.Join(mine.more(), mine.more()); err != nil {
		return err
	}
	s.keys["partner-a"] = next
	s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(keysOf(s.keys))})
	if !s.wait(pollTimeout, func() bool { return status(old) == http.StatusUnauthorized }) {
		return errors.New("the old key still counts")
	}
	for _, line := range s.envoy.access.lines(s.t) { // the log need not know how often a client changed its key
		if id := line["client_id"]; id != nil && id != "apikey:partner-a" && id != "apikey:partner-b" {
			return fmt.Errorf("the log has the client %v", id)
		}
	}
	return errors.Join(mine.more(), mine.finish(), others.finish())
}

// rotateKeysOften: keys of others come and go.
func rotateKeysOften(s *stage) error {
	l := s.start(traffic{})
	for i := range 70 {
		s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(keysWith(s.keys, s.hide(fmt.Sprintf("key-of-a-moment-%d-%s", i, strings.Repeat("m", 40)))))})
		time.Sleep(30 * time.Millisecond)
	}
	return errors.Join(l.more(), l.finish())
}

func rotateToken(s *stage) error {
	old, next := s.token, s.hide("key_"+strings.Repeat("n", 40))
	var accepted atomic.Value
	accepted.Store([]string{old, next}) // whoever rotates makes the new key before the old one is revoked
	s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := strings.TrimPrefix(r.Header.Get("authorization"), "Bearer "); !slices.Contains(accepted.Load().([]string), token) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		greet(w, r)
	}))
	defer s.cloud.answers(http.HandlerFunc(greet))
	l := s.start(traffic{})
	s.pod.update(tokenSecret, map[string][]byte{tokenFile: []byte(next)})
	if !s.wait(pollTimeout, func() bool {
		arrivals := s.cloud.take()
		return len(arrivals) > 0 && arrivals[len(arrivals)-1].header.Get("authorization") == "Bearer "+next
	}) {
		return errors.New("the old key still goes to Restate Cloud")
	}
	if err := l.more(); err != nil { // calls that had the old one have ended
		return err
	}
	accepted.Store([]string{next})
	s.token = next
	return errors.Join(l.more(), l.finish())
}

// realPaceChecks: with the generated interval a revoked key is dead within 10 s, and the time to answer.
func realPaceChecks(*stage) []check {
	return []check{{name: "a revoked key", run: func(s *stage) error {
		old := s.key("partner-a")
		delete(s.keys, "partner-a")
		s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(keysOf(s.keys))})
		start := time.Now()
		if !s.wait(12*time.Second, func() bool {
			time.Sleep(100 * time.Millisecond)
			return s.do(calls(old)).status == http.StatusUnauthorized
		}) {
			return errors.New("the key lives for longer than 12 s")
		}
		s.t.Logf("the revoked key was dead after %v", time.Since(start))
		if got := s.do(calls(s.key("partner-b"))); got.status != http.StatusOK {
			return fmt.Errorf("the key that stayed is answered with %d", got.status)
		}
		return nil
	}}}
}

// issuerRotationChecks: the issuer of tokens names its keys anew.
func issuerRotationChecks(*stage) []check {
	return []check{{name: "another key", run: func(s *stage) error {
		const next = "second"
		status := func(id string) int {
			return s.do(calls(s.bearer(token(map[string]any{"kid": id}, claims("me"))))).status
		}
		if got := status(keyID); got != http.StatusOK {
			return fmt.Errorf("answered %d", got)
		}
		if got := status(next); got != http.StatusUnauthorized {
			return fmt.Errorf("a key that nobody has published is answered with %d", got)
		}
		s.issuer.Config.Handler = publishes(next)
		if !s.wait(pollTimeout, func() bool { return status(next) == http.StatusOK }) {
			return errors.New("the new key does not count")
		}
		if got := status(keyID); got != http.StatusUnauthorized {
			return fmt.Errorf("the key that was withdrawn is answered with %d", got)
		}
		return nil
	}}}
}

// publishes the key of tokens under another id.
func publishes(id string) http.Handler {
	key := tokenKey().PublicKey
	set := must(json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": base64url(key.N.Bytes()), "e": base64url(big.NewInt(int64(key.E)).Bytes()),
	}}}))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })
}

// noTokenChecks: without its own key the gateway answers 503, so that no caller looks for a mistake in theirs, and goes on when it comes.
func noTokenChecks(*stage) []check {
	return []check{
		{name: "503", run: func(s *stage) error {
			before := s.metric(injectorFailed)
			got := s.do(calls(s.key("partner-a")))
			if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "upstream credential unavailable") {
				return fmt.Errorf("answered %d %s", got.status, got.body)
			}
			if arrived := s.cloud.take(); len(arrived) > 0 {
				return fmt.Errorf("reached Restate Cloud: %v", arrived)
			}
			if s.metric(injectorFailed) != before+1 {
				return errors.New(injectorFailed + " stands still")
			}
			return nil
		}},
		{name: "goes on when it comes", run: func(s *stage) error {
			s.pod.update(tokenSecret, map[string][]byte{tokenFile: []byte(s.token)})
			if !s.wait(pollTimeout, func() bool { return s.do(calls(s.key("partner-a"))).status == http.StatusOK }) {
				return errors.New("still without key")
			}
			return nil
		}},
	}
}

// without starts Envoy before keys of a Secret are there, which the kubelet would not: Envoy must not rely on it.
func without(secret string, keys ...string) func(*pod) {
	return func(p *pod) {
		polls("1s")(p)
		for _, v := range p.volumes {
			if v.secret && v.source == secret {
				v.items = nil
			}
		}
		kept := maps.Clone(p.secrets[secret])
		for _, key := range keys {
			delete(kept, key)
		}
		p.secrets[secret] = kept
	}
}

func noCertificateChecks(keys ...string) func(*stage) []check {
	return func(s *stage) []check {
		return []check{
			{name: "nobody comes in", request: calls(s.key("partner-a")), want: 0},
			{name: "goes on when it comes", run: func(s *stage) error {
				cert := s.ca.issue(serverAuth, []string{s.host})
				all := map[string][]byte{"tls.crt": cert.certPEM, "tls.key": cert.keyPEM, "ca.crt": s.ca.pem()}
				maps.DeleteFunc(all, func(key string, _ []byte) bool { return !slices.Contains(keys, key) })
				s.pod.update(serverSecret, all)
				if !s.wait(pollTimeout, func() bool { return s.do(calls(s.key("partner-a"))).status == http.StatusOK }) {
					return errors.New("still refused")
				}
				return nil
			}},
		}
	}
}
