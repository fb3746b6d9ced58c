// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

func init() {
	groups["metrics"] = group{
		setup:  setup{gateway: `{auth: {apiKeys: {}, ` + jwtAuth + `}, rateLimit: {perReplica: {requestsPerSecond: 100, burst: 100}, perClient: {requestsPerSecond: 1, burst: 5}}}`, change: polls("1s")},
		checks: metricChecks,
	}
	groups["metrics, secrets that cannot be read"] = group{setup: setup{change: without(tokenSecret, tokenFile)}, checks: unreadChecks}
}

// The metrics of the guide.
const (
	injectorFailed = "envoy_cluster_credential_injector_failed"
	keysRefused    = "envoy_extension_config_discovery_http_filter_api_key_auth_config_fail"
	secretsRead    = "envoy_sds_update_success"
	secretsUnread  = "envoy_sds_key_rotation_failed"
	expiry         = "envoy_listener_ssl_certificate_expiration_unix_time_seconds"
)

// alerts are the expressions of the guide's table, and what is in them.
func alerts() (string, []string, error) {
	text, err := os.ReadFile(guide)
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := strings.Cut(string(text), "| Expression |")
	table, _, _ := strings.Cut(rest, "\n\n")
	names := regexp.MustCompile(`envoy_\w+`).FindAllString(table, -1)
	if len(names) < 6 {
		return "", nil, errors.New("the guide has no table of alerts")
	}
	return table, names, nil
}

// moves does something, after which a metric must have moved.
func moves(metric, label string, do func(*stage) error) func(*stage) error {
	return func(s *stage) error {
		before := s.metric(metric, label)
		if err := do(s); err != nil {
			return err
		}
		if !s.wait(5*time.Second, func() bool { return s.metric(metric, label) > before }) {
			return fmt.Errorf("%s{%s} stays at %v", metric, label, before)
		}
		return nil
	}
}

func metricChecks(*stage) []check {
	return []check{
		{name: "those of the guide are there", run: func(s *stage) error {
			_, names, err := alerts()
			if err != nil {
				return err
			}
			all := s.ops("GET", "/stats/prometheus").body
			for _, name := range names {
				if !regexp.MustCompile(`(?m)^` + name + `(\{| )`).MatchString(all) {
					return fmt.Errorf("no metric %s", name)
				}
			}
			for _, name := range []string{injectorFailed, keysRefused, secretsRead, secretsUnread, expiry, limited} {
				if !slices.Contains(names, name) {
					return fmt.Errorf("the guide does not name %s", name)
				}
			}
			return nil
		}},
		{name: "the text is that of Prometheus", run: func(s *stage) error {
			sample := regexp.MustCompile(`^[a-zA-Z_:][\w:]*(\{(\w+="([^"\\]|\\.)*",?)*\})? -?(\d+(\.\d+)?(e[+-]\d+)?|NaN|\+Inf)$`)
			for _, line := range strings.Split(strings.TrimSpace(s.ops("GET", "/stats/prometheus").body), "\n") {
				if line != "" && !strings.HasPrefix(line, "#") && !sample.MatchString(line) {
					return fmt.Errorf("no sample: %s", line)
				}
			}
			return nil
		}},
		{name: "a file of keys that is refused", run: moves(keysRefused, "", func(s *stage) error {
			s.pod.update(keysSecret, map[string][]byte{keysFile: []byte("resources: [{")})
			return nil
		})},
		{name: "a certificate that cannot be read", run: moves(secretsUnread, `"server"`, func(s *stage) error {
			s.pod.update(serverSecret, map[string][]byte{"tls.crt": []byte("no certificate")})
			return nil
		})},
		{name: "a CA that cannot be read", run: moves(secretsUnread, `"client-ca"`, func(s *stage) error {
			s.pod.update(serverSecret, map[string][]byte{"ca.crt": []byte("no certificate")})
			return nil
		})},
		{name: "the last good ones count", request: calls(), want: 401},
		{name: "a caller over its limit", run: moves(limited, "ratelimit_client", func(s *stage) error { burst(s, 30, s.key("partner-a")); return nil })},
		{name: "the end of the certificates", run: func(s *stage) error {
			for _, name := range []string{`"server"`, `"client-ca"`} {
				if left := time.Until(time.Unix(int64(s.metric(expiry, name)), 0)); left < 50*time.Minute || left > time.Hour {
					return fmt.Errorf("the certificate %s of an hour ends in %v", name, left)
				}
			}
			return nil
		}},
		{name: "calls of keys and tokens", run: func(s *stage) error {
			return errors.Join(
				moves("envoy_http_api_key_auth_unauthorized", "", func(s *stage) error { s.do(calls("x-api-key: bad")); return nil })(s),
				moves("envoy_http_api_key_auth_allowed", "", func(s *stage) error { s.do(calls(s.key("partner-b"))); return nil })(s),
				moves("envoy_http_jwt_authn_denied", "", func(s *stage) error { s.do(calls("authorization: Bearer a.b.c")); return nil })(s),
			)
		}},
	}
}

// unreadChecks: a key that never came moves no counter, so that the guide's alert asks for what was read.
func unreadChecks(*stage) []check {
	return []check{
		{name: "nothing read", run: func(s *stage) error {
			if read, n := s.metric(secretsRead, `"restate-token"`), s.metric(secretsRead, `"server"`); read != 0 || n == 0 {
				return fmt.Errorf("%s is %v for the key that is missing, and %v for the certificate", secretsRead, read, n)
			}
			return nil
		}},
		{name: "a call without key", run: moves(injectorFailed, "restate_cloud_ingress", func(s *stage) error { s.do(calls(s.key("partner-a"))); return nil })},
		{name: "read when it comes", run: moves(secretsRead, `"restate-token"`, func(s *stage) error {
			s.pod.update(tokenSecret, map[string][]byte{tokenFile: []byte(s.token)})
			return nil
		})},
	}
}
