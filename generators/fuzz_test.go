// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// valid holds what every accepted spec promises.
func valid(t testing.TB, m Model) {
	t.Helper()
	all := Build(m)
	seen := map[ID]bool{}
	for _, b := range all {
		id := b.ID()
		limit := 63
		switch id.Kind {
		case "RestateDeployment":
			limit = 50
		case "RestateCloudEnvironment":
			limit = 56
		}
		if problems := validation.IsDNS1123Label(id.Name); len(problems) > 0 || len(id.Name) > limit {
			t.Errorf("%s is called %q: %q, or over %d", id.Kind, id.Name, problems, limit)
		}
		if (id.Namespace == "") != ClusterScoped(id.Group, id.Kind) {
			t.Errorf("%s %s is in namespace %q", id.Kind, id.Name, id.Namespace)
		}
		if id.Namespace != "" && len(validation.IsDNS1123Label(id.Namespace)) > 0 {
			t.Errorf("%s %s is in namespace %q", id.Kind, id.Name, id.Namespace)
		}
		for key, value := range b.Object.GetLabels() {
			if len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
				t.Errorf("%s %s has the label %q: %q", id.Kind, id.Name, key, value)
			}
		}
		if seen[id] {
			t.Errorf("%v stands twice", id)
		}
		seen[id] = true
	}
	if problems := CheckLinks(m, all); len(problems) > 0 {
		t.Errorf("dangling: %q", problems)
	}
	if d := cmp.Diff(all, Build(m), cmpopts.IgnoreUnexported(Built{})); d != "" {
		t.Errorf("a second Build differs: %s", d)
	}
}

// FuzzResolve takes any document through the core: nothing panics, every finding is well formed, and what is accepted is valid.
func FuzzResolve(f *testing.F) {
	for _, base := range []string{operatorBase, standaloneBase, noTunnelBase} {
		for _, patch := range []string{
			`{}`,
			`{namespace: {create: true}, labels: {team: a}, annotations: {example.com/a: b}, deletionPolicy: Delete}`,
			`{cloud: {region: x1.byoc, ingressURL: "https://p.example:1/a", allowedHosts: [p.example]}, networkPolicy: {baseline: Owned, dns: {to: [{ipBlock: {cidr: 10.0.0.1/32}}], ports: [53]}, restateCloud: {cidrs: [10.0.0.0/8], except: [10.1.0.0/16], tunnelPorts: [1, 2]}}}`,
			`{tunnel: {replicas: 3, remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}], adminFrom: [{namespaceSelector: {matchLabels: {a: b}}}]}, egressTo: [{to: [{podSelector: {}}], ports: [{port: 1, endPort: 2}]}]}}`,
			`{tunnel: {env: [{name: RUST_LOG, value: debug}], podTemplate: {labels: {a: b}, nodeSelector: {a: b}, tolerations: [{operator: Exists}]}, podDisruptionBudget: {minAvailable: 50%}}}`,
			`{tunnel: {operator: {resourceName: old, namespace: ops}}}`,
			`{tunnel: {name: my-tunnel, podTemplate: {priorityClassName: a, securityContext: {runAsUser: 1}}}}`,
			`{services: {greeter: {port: 9080, targetPort: 8080, path: v1, useHTTP11: true, metricsPort: 9464, allowFrom: [{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}], egressTo: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}}}`,
			`{services: {greeter: {namespace: restate}, a: {namespace: restate, scheme: https}, b: {namespace: shop, podSelector: {matchLabels: {a: b}}}}}`,
			`{services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: a, ports: [{name: restate, containerPort: 1}]}]}}}}}}`,
			`{credentials: {tunnel: {name: a, key: b, files: [c]}}, secrets: {requireMacOnlyEncrypted: false}}`,
			`{tunnel: {operator: {uid: ` + testUID + `}}, images: {restateCli: "r/c:1"}, services: {a: {namespace: shop, path: a/v1, registration: {revision: "1", force: true, podTemplate: {labels: {a: b}}}}}}`,
			`{nats: {servers: ["tls://a.b.svc:1", "nats://c.d.svc.cluster.local"]}, wasmcloud: {handlers: {x: {namespace: w, isolate: true}, y: {namespace: w, port: 1, podSelector: {matchExpressions: [{key: a, operator: Exists}]}}}}, services: {greeter: {uses: {restate: true, nats: true, handlers: [x, y]}}}}`,
			`{services: {greeter: {deployment: {tunnelMode: InProcess, env: [{name: A, value: b}], drain: {delaySeconds: 1, onTimeout: hold}, deletePolicy: force, autoscaling: {maxReplicas: 3}, podTemplate: {annotations: {a: b}}}}}}`,
			`{nats: {}, gateway: {tls: {}}, wasmcloud: {handlers: {}}, patches: [{target: {}, patch: a}]}`,
			`{gateway: {tls: {issuerRef: {name: step}}, auth: {apiKeys: {}}, services: [A, b.C], expose: {type: Ingress, host: a.example.com, clusterIssuer: b}}, observability: {otlp: {endpoint: "a.b.svc:4317"}}}`,
			`{gateway: {autoscaled: true, upstream: {streaming: true}, tls: {issuerRef: {group: a.b, kind: C, name: d}, clientCA: {name: e, key: f}, allowedClientSANs: [g]}, auth: {jwt: {issuer: a, audiences: [b], jwksURI: "https://c.d:1/e?f"}}, allow: [attach, awakeables, legacyPaths], expose: {type: GatewayAPI, parentRef: {name: a, namespace: b, sectionName: c}, parentPresentsClientCertificate: true, caConfigMap: d, controller: {cidrs: [10.0.0.0/8]}}, domains: {a: {services: [B], host: a.b}, c: {services: [D], host: c.d, apiKeys: {secretRef: {key: e}}, credential: {source: External}}}}}`,
			`{gateway: {replicas: 1, tls: {issuerRef: {name: step}, allowedClientSANs: [a]}, auth: {apiKeys: {secretRef: {name: a}}}, services: [A], expose: {type: None, controller: {namespace: a, podSelector: {matchLabels: {b: c}}}}}}`,
		} {
			f.Add(string(merge(f, base, `{spec: `+patch+`}`)))
		}
	}
	f.Add("a: &a [*a]\n")
	f.Add("spec: {tunnel: {podTemplate: null}, services: {a: null}, cloud: null}\n")
	f.Fuzz(func(t *testing.T, text string) {
		var node yaml.Node
		if yaml.Unmarshal([]byte(text), &node) != nil || node.Kind == 0 {
			return // not YAML: nothing for the core
		}
		in, ds := read(t, []byte(text))
		_, resolved := Resolve(in, Input{Secrets: []Secret{sealed("restate-operator"), sealed("restate")}})
		for _, d := range append(ds, resolved...) {
			wellFormed(t, d)
		}
		in, _ = read(t, []byte(text)) // Resolve fills in defaults, which count as set in a second pass
		m, resolved := Resolve(in, Input{})
		if diag.HasError(ds) || diag.HasError(resolved) {
			return
		}
		valid(t, m)
		schemaAccepts(t, []byte(text))
	})
}
