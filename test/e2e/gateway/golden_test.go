// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

const goldens = "../../../testdata/golden"

// TestGolden holds the configuration of every gateway of the golden cases against Envoy's API, its references, and Envoy itself.
func TestGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(goldens, "*", "want.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	gateways := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "bootstrap.yaml") {
			continue
		}
		objects := readList(t, text)
		for _, d := range deployments(t, objects) {
			gateways++
			t.Run(filepath.Base(filepath.Dir(path))+"/"+d.Name, func(t *testing.T) {
				for _, problem := range problems(newGoldenPod(t, objects, d)) {
					t.Error(problem)
				}
			})
		}
	}
	if gateways < 5 {
		t.Errorf("the golden cases have %d gateways", gateways)
	}
}

func newGoldenPod(t testing.TB, objects []object, d appsv1.Deployment) *pod {
	t.Helper()
	ca := newAuthority(t, "internal")
	secrets := issued(ca, certificates(t, objects))
	filled(t, secrets, d, map[string][]byte{tokenFile: []byte("key_\n"), keysFile: []byte(keysOf(map[string]string{"a": "k"})), "ca.crt": ca.pem()})
	return newPod(t, objects, d, secrets)
}

// problems lays the pod out, and lists all that is wrong.
func problems(p *pod) []string {
	p.t.Helper()
	p.write(newAuthority(p.t, "public").pem())
	files := map[string]string{keysFile: string(must(yaml.YAMLToJSONStrict([]byte(keysOf(map[string]string{"a": "k"})))))}
	for name, file := range p.config {
		files[name] = marshal(p.t, file)
	}
	out := append(protoProblems(files), referenceProblems(p)...)
	if said, err := exec.Command(envoyProgram, append(p.arguments(), "--mode", "validate")...).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		out = append(out, "envoy: "+lines[len(lines)-1])
	}
	return out
}

// TestFaults sees what TestGolden looks for.
func TestFaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(goldens, "gateway-domains", "want.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects := readList(t, text)
	d := deployments(t, objects)[0]
	if got := problems(newGoldenPod(t, objects, d)); len(got) > 0 {
		t.Fatalf("without a fault: %v", got)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			p := newGoldenPod(t, objects, d)
			f.change(p)
			if got := strings.Join(problems(p), "\n"); !strings.Contains(got, f.found) {
				t.Errorf("not found: %q in\n%s", f.found, got)
			}
		})
	}
}

// whole is the whole bootstrap.
func whole(p *pod) any { return p.config["bootstrap.yaml"] }

// faults are mistakes, and what is said of each.
var faults = []struct {
	name   string
	change func(*pod)
	found  string
}{
	{"unknown field", set(called, "stat_prefixes", "x"), "unknown field"},
	{"unknown type", set(relaying, "@type", "type.googleapis.com/envoy.None"), "unable to resolve"},
	{"unknown value", set(called, "path_with_escaped_slashes_action", "REFUSE"), "invalid value for enum"},
	{"value out of range", set(called, "fill_interval", "0s"), "FillInterval"},
	{"required field missing", set(called, "stat_prefix", nil), "StatPrefix"},
	{"deprecated field", func(p *pod) { relaying(p).(map[string]any)["respect_dns_ttl"] = true }, "is deprecated"},
	{"file of keys elsewhere", set(called, "path_config_source", map[string]any{"path": "/var/run/secrets/gateway-keys/x.yaml", "poll_interval": "1s"}), "x.yaml is not in the pod"},
	{"file outside of every volume", set(calling, "sds_config", map[string]any{"path_config_source": map[string]any{"path": "/etc/x.yaml", "poll_interval": "1s"}}), "/etc/x.yaml is not in the pod"},
	{"key of a Secret that is no file", clientCA("/var/run/secrets/gateway-tls/ca.crt"), "ca.crt is not in the pod"},
	{"unknown cluster of a route", set(called, "cluster", "restate"), `no cluster "restate"`},
	{"unknown cluster of keys", set(called, "http_uri", map[string]any{"uri": "https://a/", "cluster": "jwk", "timeout": "1s"}), `no cluster "jwk"`},
	{"unknown cluster of traces", set(called, "envoy_grpc", map[string]any{"cluster_name": "otel"}), `no cluster "otel"`},
	{"unknown secret", set(relaying, "credential", map[string]any{"name": "token", "sds_config": map[string]any{"path_config_source": map[string]any{"path": "/etc/envoy/restate-token.xds.yaml"}}}), "has not the secret token"},
	{"regular expression", regex("(", "(("), "missing closing )"},
	{"unknown filter of a route", onRoute("deny", "typed_per_filter_config", disabled("envoy.filters.http.jwt")), `no filter "envoy.filters.http.jwt"`},
	{"unknown provider", set(called, "provider_name", "issuers"), "no provider issuers"},
	{"another filter of keys", set(called, "name", "keys"), `not keys`},
	{"upstream without CA", set(relaying, "trusted_ca", nil), "anybody may be"},
	{"upstream without name", set(relaying, "match_typed_subject_alt_names", nil), "anybody may be"},
	{"admin interface for all", func(p *pod) {
		set(func(p *pod) any { return p.config["bootstrap.yaml"]["admin"] }, "socket_address", map[string]any{"address": "0.0.0.0", "port_value": 9901})(p)
	}, "the admin interface listens on 0.0.0.0"},
	{"operator of the access log", set(logged, "path", "%PATHS(NQ)%"), "envoy: "},
	{"no exporter of traces", set(called, "grpc_service", nil), "envoy: "},
	{"node without id", set(whole, "node", map[string]any{}), "envoy: "},
}
