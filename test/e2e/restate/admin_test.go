// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// admin is the admin API as Restate Cloud has it: behind TLS, for those with a token. Besides, it has the places that a wrong
// spec.cloud.adminURL leads to.
type admin struct {
	url     string // the admin API
	ingress string // the ingress, which knows no admin path
	page    string // a web page, whatever the path
	silent  string // takes connections and never answers
	dropped string // answers no attempt to connect, as behind a policy that drops
	refused string // nobody listens
	// authority is the file that the CLI must trust.
	authority string
	// token is good. callersToken is that of a role that may only call services, readersToken of one that may change nothing,
	// nobodysToken of no role here.
	token, callersToken, readersToken, nobodysToken string

	listeners []net.Listener
}

func startAdmin(dir string, s *server) (*admin, error) {
	a := &admin{authority: filepath.Join(dir, "ca.pem"), token: newToken(), callersToken: newToken(), readersToken: newToken(), nobodysToken: newToken()}
	cert, err := newCertificate(a.authority)
	if err != nil {
		return nil, err
	}
	for _, place := range []struct {
		url     *string
		handler http.Handler
	}{{&a.url, a.demandToken(forward(s.admin))}, {&a.ingress, forward(s.ingress)}, {&a.page, http.HandlerFunc(page)}, {&a.silent, nil}, {&a.refused, nil}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		a.listeners = append(a.listeners, l)
		*place.url = "https://" + l.Addr().String()
		if place.handler == nil {
			continue // the kernel takes the connections
		}
		server := &http.Server{Handler: place.handler, ErrorLog: log.New(io.Discard, "", 0)}
		overTLS := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
		go func() { _ = server.Serve(overTLS) }() // ends with the listener
	}
	last := len(a.listeners) - 1
	if err := a.listeners[last].Close(); err != nil {
		return nil, err
	}
	a.listeners = a.listeners[:last]
	a.dropped, err = blackHole()
	return a, err
}

// blackHole is an address whose queue of connections is full: the kernel drops every further attempt. It lasts as long as the process.
func blackHole() (string, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	syscall.CloseOnExec(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		return "", err
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		return "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	for range 10 {
		if _, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err != nil {
			return "https://" + address, nil
		}
	}
	return "", errors.New("the kernel queues more connections than it was told to")
}

func (a *admin) close() {
	for _, l := range a.listeners {
		_ = l.Close()
	}
}

func (a *admin) tokens() []string {
	return []string{a.token, a.callersToken, a.readersToken, a.nobodysToken}
}

func newToken() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	return "key_" + hex.EncodeToString(raw)
}

func forward(client *http.Client) http.Handler {
	target := &url.URL{Scheme: "http", Host: "restate"}
	return &httputil.ReverseProxy{
		Transport: client.Transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog:  log.New(io.Discard, "", 0), // a client that gives up is what some steps are about
	}
}

func (a *admin) demandToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer " + a.token:
			next.ServeHTTP(w, r)
		case "Bearer " + a.readersToken:
			if r.Method == http.MethodGet {
				next.ServeHTTP(w, r)
				return
			}
			http.Error(w, `{"message": "forbidden"}`, http.StatusForbidden)
		case "Bearer " + a.callersToken:
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// newCertificate is for 127.0.0.1, of an authority whose certificate goes into the file.
func newCertificate(authority string) (tls.Certificate, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
