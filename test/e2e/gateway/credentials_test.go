// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func init() {
	groups["API keys"] = group{checks: keyChecks}
	groups["JWT"] = group{setup: setup{gateway: `auth: {` + jwtAuth + `}`}, checks: jwtChecks}
	groups["API keys and JWT"] = group{setup: setup{gateway: `auth: {apiKeys: {}, ` + jwtAuth + `}`}, checks: bothChecks}
	groups["issuer down"] = group{setup: setup{gateway: `auth: {apiKeys: {}, ` + jwtAuth + `}`, noIssuer: true}, checks: issuerDownChecks}
}

// calls is a request for the greeting with the lines.
func calls(lines ...string) request { return request{path: greeting, header: lines, body: `"x"`} }

func keyChecks(s *stage) []check {
	key, other := s.keys["partner-a"], s.keys["partner-b"]
	query := calls()
	query.path += "?x-api-key=" + key
	return []check{
		{name: "good", request: calls(s.key("partner-a")), want: 200, arrived: hasHeader("x-gateway-client", "apikey:partner-a")},
		{name: "another good", request: calls("X-API-Key: " + other), want: 200, arrived: hasHeader("x-gateway-client", "apikey:partner-b")},
		{name: "good after Bearer", request: calls("x-api-key: Bearer " + key), want: 200, arrived: hasHeader("x-gateway-client", "apikey:partner-a")},
		{name: "none", request: calls(), want: 401},
		{name: "bad", request: calls("x-api-key: bad"), want: 401},
		{name: "empty", request: calls("x-api-key:"), want: 401},
		{name: "cut", request: calls("x-api-key: " + key[:len(key)-1]), want: 401},
		{name: "longer", request: calls("x-api-key: " + key + "A"), want: 401},
		{name: "in lower case", request: calls("x-api-key: " + strings.ToLower(key)), want: 401},
		{name: "in the query", request: query, want: 401},
		{name: "as authorization", request: calls("authorization: Bearer " + key), want: 401},
		{name: "as cookie", request: calls("cookie: x-api-key=" + key), want: 401},
		{name: "with underscores", request: calls("x_api_key: "+key, s.key("partner-a")), want: 400},
		{name: "two, the bad one first", request: calls("x-api-key: bad", s.key("partner-a")), want: 401},
		{name: "two good", request: calls(s.key("partner-a"), s.key("partner-b")), want: 200, arrived: hasHeader("x-gateway-client", "apikey:partner-a")},
		{name: "client of one's own", request: calls("x-gateway-client: apikey:partner-a"), want: 401},
		{name: "subject of one's own", request: calls(s.key("partner-a"), "x-gateway-subject: me"), want: 200, arrived: hasNot("x-gateway-subject")},
		{name: "client of one's own in the log", run: func(s *stage) error {
			s.do(calls("x-gateway-client: spoofed", "x-workflow-id: spoofing"))
			line, err := s.logged(func(line map[string]any) bool { return line["workflow_id"] == "spoofing" })
			if err == nil && line["client_id"] != nil {
				err = fmt.Errorf("the log says that %v called", line["client_id"])
			}
			return err
		}},
		{name: "JWT", request: calls(s.bearer(token(nil, claims("me")))), want: 401},
	}
}

// jwtChecks: statuses are those of the filter, 403 for a wrong audience, else 401.
func jwtChecks(s *stage) []check {
	now := time.Now()
	jwt := func(header, fields map[string]any) request { return calls(s.bearer(token(header, fields))) }
	claim := func(key string, value any) request { return jwt(nil, with(claims("me"), key, value)) }
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	good := token(nil, claims("me"))
	parts := strings.Split(good, ".")
	forged := strings.Split(token(nil, claims("admin")), ".")[1]
	query := calls()
	query.path += "?access_token=" + good
	s.bearer(good)
	return []check{
		{name: "good", request: jwt(nil, claims("me")), want: 200, arrived: hasHeader("x-gateway-subject", "me")},
		{name: "one of several audiences", request: claim("aud", []string{"other", tokenAudience}), want: 200},
		{name: "without key id", request: jwt(map[string]any{"kid": nil}, claims("me")), want: 200},
		{name: "expired within the skew", request: claim("exp", in(-10*time.Second)), want: 200},
		{name: "none", request: calls(), want: 401, answered: saysNothing},
		{name: "expired", request: claim("exp", in(-2*time.Minute)), want: 401, answered: saysNothing},
		{name: "without expiry", request: claim("exp", nil), want: 401},
		{name: "another audience", request: claim("aud", "other"), want: 403},
		{name: "without audience", request: claim("aud", nil), want: 403},
		{name: "another issuer", request: claim("iss", "https://other.example.com/"), want: 401},
		{name: "without issuer", request: claim("iss", nil), want: 401},
		{name: "not yet valid", request: claim("nbf", in(5*time.Minute)), want: 401},
		{name: "alg none", request: jwt(map[string]any{"alg": "none"}, claims("me")), want: 401},
		{name: "HS256 with the public key", request: jwt(map[string]any{"alg": "HS256"}, claims("me")), want: 401},
		{name: "unknown key id", request: jwt(map[string]any{"kid": "second"}, claims("me")), want: 401},
		{name: "other claims under a signature", request: calls(s.bearer(parts[0] + "." + forged + "." + parts[2])), want: 401},
		{name: "without signature", request: calls("authorization: Bearer " + parts[0] + "." + parts[1] + "."), want: 401},
		{name: "in lower case", request: calls("authorization: bearer " + good), want: 401},
		{name: "as Basic", request: calls("authorization: Basic " + good), want: 401},
		{name: "in the query", request: query, want: 401},
		{name: "as cookie", request: calls("cookie: access_token=" + good), want: 401},
		{name: "as proxy-authorization", request: calls("proxy-authorization: Bearer " + good), want: 401},
		{name: "API key", request: calls(s.key("partner-a")), want: 401},
		{name: "API key beside a good one", request: calls(s.key("partner-a"), "authorization: Bearer "+good), want: 200, arrived: hasNot("x-api-key")},
		{name: "client of one's own", request: calls("x-gateway-client: me"), want: 401},
		{name: "client of one's own beside a subject", request: calls("x-gateway-client: admin", "authorization: Bearer "+good), want: 200, arrived: hasNot("x-gateway-client")},
		{name: "subject of one's own beside a subject", request: calls("x-gateway-subject: admin", "authorization: Bearer "+good), want: 200, arrived: hasHeader("x-gateway-subject", "me")},
		{name: "subject that is called like a client", request: jwt(nil, claims("apikey:partner-a")), want: 200, arrived: hasNot("x-gateway-client")},
		{
			name: "client and subject of one's own without subject", request: calls("x-gateway-client: admin", "x-gateway-subject: admin", s.bearer(token(nil, with(claims(""), "sub", nil)))),
			want: 200, arrived: hasNot("x-gateway-client", "x-gateway-subject"),
		},
	}
}

// saysNothing: whoever tries tokens must not learn what is wrong with them.
func saysNothing(r response) error {
	if r.header.Get("www-authenticate") != "" || strings.Contains(r.body, "Jwt") {
		return fmt.Errorf("the answer says why: %v %s", r.header, r.body)
	}
	return nil
}

// bothChecks: the presence of an API key decides, so that a bad one is not made good by a token.
func bothChecks(s *stage) []check {
	keys := map[string][]string{"no": nil, "good": {s.key("partner-a")}, "bad": {"x-api-key: bad"}, "empty": {"x-api-key:"}}
	tokens := map[string][]string{"no": nil, "good": {s.bearer(token(nil, claims("me")))}, "bad": {s.bearer(token(nil, with(claims("me"), "iss", "https://other.example.com/")))}}
	var out []check
	for key, keyLines := range keys {
		for jwt, tokenLines := range tokens {
			c := check{name: key + " key, " + jwt + " token", request: calls(append(append([]string{}, keyLines...), tokenLines...)...), want: 401}
			if key == "good" {
				c.want, c.arrived = 200, hasHeader("x-gateway-client", "apikey:partner-a")
			} else if key == "no" && jwt == "good" {
				c.want, c.arrived = 200, hasHeader("x-gateway-subject", "me")
			}
			out = append(out, c)
		}
	}
	return append(out,
		check{name: "unknown path, no credentials", request: request{path: "/openapi"}, want: 404},
		check{name: "unknown path, both", request: request{path: "/openapi", header: []string{s.key("partner-a"), s.bearer(token(nil, claims("me")))}}, want: 404},
	)
}

// issuerDownChecks: nobody comes in by a token that cannot be judged, and keys go on.
func issuerDownChecks(s *stage) []check {
	return []check{
		{name: "token", request: calls(s.bearer(token(nil, claims("me")))), want: 401},
		{name: "none", request: calls(), want: 401},
		{name: "key", request: calls(s.key("partner-a")), want: 200},
	}
}

func init() {
	groups["file of keys refused at start"] = group{setup: setup{contents: map[string]string{keysFile: "resources: [{"}, unready: true}, checks: brokenKeysChecks}
	for name, file := range refusedKeys {
		groups["file of keys refused later, "+name] = group{checks: func(s *stage) []check { return refusedKeysChecks(file(s.hide(rand.Text() + rand.Text()))) }}
	}
	groups["no keys"] = group{setup: setup{contents: map[string]string{keysFile: keysOf(nil)}}, checks: func(s *stage) []check {
		return []check{{name: "a key of before", request: calls(s.key("partner-a")), want: 401}, {name: "none", request: calls(), want: 401}}
	}}
}

// pollTimeout is the poll interval of files of discovery, and some more.
const pollTimeout = 20 * time.Second

// brokenKeysChecks: a rollout with a file that Envoy refuses does not go on, and is mended by a good one.
func brokenKeysChecks(*stage) []check {
	return []check{
		{name: "not ready", run: func(s *stage) error {
			if s.wait(3*time.Second, func() bool { return s.ready() == http.StatusOK }) {
				return errors.New("ready without keys")
			}
			if got := s.ops(http.MethodGet, "/healthz").status; got != 200 {
				return fmt.Errorf("/healthz answers %d: the kubelet would start the pod anew", got)
			}
			return nil
		}},
		{name: "nobody comes in", run: func(s *stage) error {
			for _, r := range []request{calls(), calls(s.key("partner-a"))} {
				if got := s.do(r); got.status != 500 || len(s.cloud.take()) > 0 {
					return fmt.Errorf("answered %d", got.status)
				}
			}
			return nil
		}},
		{name: "a good file mends it", run: func(s *stage) error {
			s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(keysOf(s.keys))})
			if !s.wait(pollTimeout, func() bool { return s.ready() == http.StatusOK }) {
				return errors.New("not ready with a good file")
			}
			if got := s.do(calls(s.key("partner-a"))); got.status != 200 {
				return fmt.Errorf("answered %d", got.status)
			}
			return nil
		}},
	}
}

// refusedKeys are files that Envoy refuses, with a key.
var refusedKeys = map[string]func(string) string{
	"not YAML": func(key string) string { return "resources: [{key: " + key },
	"unknown field": func(key string) string {
		return strings.Replace(keysOf(map[string]string{"c": key}), `"key_sources"`, `"key_source"`, 1)
	},
	"duplicate key": func(key string) string { return keysOf(map[string]string{"c": key, "d": key}) },
	"another filter": func(key string) string {
		return strings.Replace(keysOf(map[string]string{"c": key}), `"api-key-auth"`, `"other"`, 1)
	},
	"a bare key": func(key string) string { return key },
	"no client": func(key string) string {
		return strings.Replace(keysOf(map[string]string{"c": key}), `"apikey:c"`, `""`, 1)
	},
	"empty":       func(string) string { return " " },
	"no resource": func(string) string { return "resources: []" },
}

// refusedKeysChecks: the last good keys stay, and the refused ones are printed nowhere.
func refusedKeysChecks(file string) []check {
	const failed = "envoy_extension_config_discovery_http_filter_api_key_auth_config_fail"
	return []check{{name: "the last good keys stay", run: func(s *stage) error {
		before := s.metric(failed)
		s.pod.update(keysSecret, map[string][]byte{keysFile: []byte(file)})
		if !s.wait(pollTimeout, func() bool { return s.metric(failed) > before }) {
			return errors.New("the file was not refused")
		}
		for client := range s.keys {
			if got := s.do(calls(s.key(client))); got.status != 200 {
				return fmt.Errorf("the key of %s is answered with %d", client, got.status)
			}
		}
		if got := s.ready(); got != 200 {
			return fmt.Errorf("/ready answers %d: all pods would leave the Service", got)
		}
		return nil
	}}}
}
