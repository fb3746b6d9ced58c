// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// secrets are the files that a bridge's pod mounts, and what belongs to them elsewhere.
type secrets struct {
	dir     string
	scheme  string
	spec    string            // spec.nats.tls
	server  string            // lines of the NATS server's configuration
	mounts  map[string]string // paths in the bridge's configuration
	options []nats.Option
}

func newSecrets(t *testing.T, withTLS bool) secrets {
	t.Helper()
	s := secrets{dir: t.TempDir(), scheme: "nats://", spec: "null"}
	if err := os.MkdirAll(filepath.Join(s.dir, "ingress"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !withTLS {
		return s
	}
	ca := newAuthority(t)
	s.write(t, "ca/ca.crt", ca.pem())
	for _, name := range []string{"server", "client"} {
		cert, key := ca.issue(t, name)
		s.write(t, name+"/tls.crt", cert)
		s.write(t, name+"/tls.key", key)
	}
	path := func(name string) string { return filepath.Join(s.dir, name) }
	s.scheme, s.spec = "tls://", `{caSecretRef: {name: nats-ca, key: ca.crt}, certSecretRef: {name: nats-client}}`
	s.server = fmt.Sprintf("tls { ca_file: %q, cert_file: %q, key_file: %q, verify: true }", path("ca/ca.crt"), path("server/tls.crt"), path("server/tls.key"))
	s.mounts = map[string]string{"/etc/nats/ca": path("ca"), "/etc/nats/client": path("client")}
	s.options = []nats.Option{nats.RootCAs(path("ca/ca.crt")), nats.ClientCert(path("client/tls.crt"), path("client/tls.key"))}
	return s
}

func (s secrets) write(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// authority is a CA of one run.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	raw, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &pair.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
