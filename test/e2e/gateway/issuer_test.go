// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// What the gateway's spec says of tokens.
const (
	issuerName    = "https://issuer.example.com/"
	tokenAudience = "restate"
	keyID         = "first"
)

// tokenKey signs the tokens of all cases; to make one takes a while.
var tokenKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// startIssuer serves the public key of tokens behind TLS, and returns the URL.
func startIssuer(t testing.TB, cert tls.Certificate) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		key := tokenKey().PublicKey
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID, "n": base64url(key.N.Bytes()), "e": base64url(big.NewInt(int64(key.E)).Bytes()),
		}}})
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// claims of a token that is good for a minute.
func claims(subject string) map[string]any {
	return map[string]any{"iss": issuerName, "aud": tokenAudience, "sub": subject, "exp": time.Now().Add(time.Minute).Unix()}
}

// with changes one claim or header; nil takes it away.
func with(fields map[string]any, key string, value any) map[string]any {
	if value == nil {
		delete(fields, key)
	} else {
		fields[key] = value
	}
	return fields
}

// token is a signed one: RS256, or what the header says instead.
func token(header, claims map[string]any) string {
	full := map[string]any{"typ": "JWT", "alg": "RS256", "kid": keyID}
	for key, value := range header {
		with(full, key, value)
	}
	text := base64url(must(json.Marshal(full))) + "." + base64url(must(json.Marshal(claims)))
	sum := sha256.Sum256([]byte(text))
	switch full["alg"] {
	case "none":
		return text + "."
	case "HS256": // with what everybody knows, the public key, as the secret
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&tokenKey().PublicKey))}))
		mac.Write([]byte(text))
		return text + "." + base64url(mac.Sum(nil))
	case "RS256":
		return text + "." + base64url(must(rsa.SignPKCS1v15(rand.Reader, tokenKey(), crypto.SHA256, sum[:])))
	}
	panic(fmt.Sprintf("no way to sign %v", full["alg"]))
}
