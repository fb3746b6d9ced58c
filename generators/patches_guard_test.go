// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// guardCase is a patch of a base, with a part of its one finding, or of none.
type guardCase struct{ reason, base, target, patch, want string }

func (c guardCase) check(t *testing.T) {
	t.Helper()
	_, _, ds := patching(t, c.base, patchEntry(c.target, c.patch))
	got := texts(ds)
	if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
		t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
	}
}

// TestPatchOfAnnotations: those of hosts and of the function say which object it is; those of other tools are the user's.
func TestPatchOfAnnotations(t *testing.T) {
	annotate := func(key string) string { return "metadata: {annotations: {" + key + `: "x"}}` }
	for _, key := range []string{
		"config.kubernetes.io/local-config", "config.kubernetes.io/function", "config.kubernetes.io/path", "internal.config.kubernetes.io/path",
		"config.k8s.io/id", "kustomize.config.k8s.io/id", "kustomize.config.k8s.io/needs-hash", "internal.kpt.dev/upstream-identifier", AnnotationAdopt, AnnotationDigest, AnnotationConfigDigest,
	} {
		guardCase{key, standaloneBase, "kind: Deployment", annotate(key), "RI1101 spec.patches[0].patch: cannot be applied to Deployment prod-tunnel: it must not change the annotation " + key}.check(t)
	}
	for _, key := range []string{annotationDependsOn, "argocd.argoproj.io/sync-wave", annotationArgoSync, annotationFluxPrune, "example.com/owner"} {
		guardCase{key, standaloneBase, "kind: Deployment", annotate(key), ""}.check(t)
	}
	for _, tt := range []guardCase{
		{"a digest of a pod's credential", standaloneBase, "kind: Deployment", "spec: {template: {metadata: {annotations: {" + AnnotationDigest + ": null}}}}", "the annotation " + AnnotationDigest},
		{"a digest of its configuration", bridgeBase(t), "kind: Deployment, component: bridge", "spec: {template: {metadata: {annotations: {" + AnnotationConfigDigest + ": a}}}}", "the annotation " + AnnotationConfigDigest},
		{"the environment's digest", operatorBase, "kind: RestateCloudEnvironment", annotate(AnnotationDigest), "the annotation " + AnnotationDigest},
		{"an annotation of the pods", standaloneBase, "kind: Deployment", "spec: {template: {metadata: {annotations: {a: b}}}}", ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfProtection: the deletion policy alone takes it away.
func TestPatchOfProtection(t *testing.T) {
	retained := basedOn(t, operatorBase, `{namespace: {create: true}}`)
	deleted := basedOn(t, retained, `{deletionPolicy: Delete}`)
	for key := range protection() {
		for _, value := range []string{"null", "other"} {
			patch := "metadata: {annotations: {" + key + ": " + value + "}}"
			for _, kind := range []string{"Namespace", "RestateCloudEnvironment"} {
				guardCase{"retained", retained, "kind: " + kind, patch, "RI1101 spec.patches[0].patch: cannot be applied to " + kind + " "}.check(t)
				guardCase{"retained", retained, "kind: " + kind, patch, key + ", which keeps the object from being deleted, unless spec.deletionPolicy is Delete"}.check(t)
			}
			guardCase{"deleted", deleted, "kind: Namespace", patch, ""}.check(t)
			guardCase{"not precious", retained, "kind: RestateDeployment", patch, ""}.check(t)
		}
	}
	guardCase{"the same again", retained, "kind: Namespace", "metadata: {annotations: {" + annotationFluxPrune + ": disabled}}", ""}.check(t)
	guardCase{"other metadata", retained, "kind: Namespace", "metadata: {annotations: {a: b}, labels: {c: d}}", ""}.check(t)
}

// TestPatchRestartsTunnel: the operator copies the environment's metadata to the tunnel's pods.
func TestPatchRestartsTunnel(t *testing.T) {
	const warned = "RI1105 spec.patches[0].patch: changes labels or annotations of RestateCloudEnvironment prod, which the operator copies to the tunnel's pods"
	for _, tt := range []guardCase{
		{"a label", operatorBase, "kind: RestateCloudEnvironment", "metadata: {labels: {a: b}}", warned},
		{"an annotation", operatorBase, "kind: RestateCloudEnvironment", "metadata: {annotations: {a: b}}", warned},
		{"with the whole component", operatorBase, "component: tunnel", "metadata: {annotations: {a: b}}", warned},
		{"a finalizer stays with it", operatorBase, "kind: RestateCloudEnvironment", "metadata: {finalizers: [a/b]}", ""},
		{"another object", operatorBase, "kind: PodDisruptionBudget", "metadata: {labels: {a: b}}", ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfPodSecurity: what the namespace admits is as good as what its pods may do.
func TestPatchOfPodSecurity(t *testing.T) {
	base := basedOn(t, operatorBase, `{namespace: {create: true, podSecurity: baseline}}`)
	enforce := func(level string) string {
		return "metadata: {labels: {" + podSecurityPrefix + "enforce: " + level + "}}"
	}
	const weaker = "RI1104 spec.patches[0].patch: makes Namespace restate weaker: pod-security.kubernetes.io/enforce admits pods of level privileged"
	for _, tt := range []guardCase{
		{"weaker", base, "kind: Namespace", enforce("privileged"), weaker},
		{"none", base, "kind: Namespace", enforce("null"), weaker},
		{"unknown", base, "kind: Namespace", enforce("Restricted"), weaker},
		{"stronger", base, "kind: Namespace", enforce("restricted"), ""},
		{"what is said alone", base, "kind: Namespace", "metadata: {labels: {" + podSecurityPrefix + "warn: privileged}}", ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfEnvironment: what the spec refuses, or everything rests on, is set in the spec.
func TestPatchOfEnvironment(t *testing.T) {
	logging := basedOn(t, operatorBase, `{tunnel: {env: [{name: RUST_LOG, value: info}]}}`)
	const kind = "kind: RestateCloudEnvironment"
	for _, tt := range []guardCase{
		{"the environment", operatorBase, kind, "spec: {environmentId: env_x}", "it must not change spec.environmentId: set spec.cloud.environmentId"},
		{"the region", operatorBase, kind, "spec: {region: us}", "spec.region: set spec.cloud.region"},
		{"the key", operatorBase, kind, "spec: {signingPublicKey: null}", "spec.signingPublicKey: set spec.cloud.signingPublicKey"},
		{"the credential", operatorBase, kind, "spec: {authentication: {secret: {key: other}}}", "spec.authentication: set spec.credentials.tunnel"},
		{"more of it than the struct has", operatorBase, kind, "spec: {authentication: {other: a}}", "spec.authentication: set spec.credentials.tunnel"},
		{"the remote proxy", operatorBase, kind, "spec: {tunnel: {remoteProxy: true}}", "spec.tunnel.remoteProxy: set spec.tunnel.remoteProxy"},
		{"its default", operatorBase, kind, "spec: {tunnel: {remoteProxy: null}}", "spec.tunnel.remoteProxy"},
		{"the whole tunnel", operatorBase, kind, "[{op: remove, path: /spec/tunnel}]", "spec.tunnel.remoteProxy"},
		{"a variable that leads elsewhere", operatorBase, kind, "spec: {tunnel: {env: [{name: RESTATE_CLOUD_SUFFIX, value: a.example.com}]}}", "the variable RESTATE_CLOUD_SUFFIX must not be set here: allowed are RUST_* and "},
		{"a value that the client refuses", operatorBase, kind, "spec: {tunnel: {env: [{name: RESTATE_CONNECT_TIMEOUT, value: 5s}]}}", "the variable RESTATE_CONNECT_TIMEOUT must"},
		{"a variable of the user's", operatorBase, kind, "spec: {tunnel: {env: [{name: RUST_LOG, value: debug}]}}", ""},
		{"none of the user's", logging, kind, "[{op: remove, path: /spec/tunnel/env}]", ""},
		{"replicas", operatorBase, kind, "spec: {tunnel: {replicas: 5}}", ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfPrograms: variables and arguments of the tunnel client and of Envoy are their configuration.
func TestPatchOfPrograms(t *testing.T) {
	tunnel := func(fields string) string {
		return "spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, " + fields + "}]}}}"
	}
	gateway := func(fields string) string {
		return "spec: {template: {spec: {containers: [{name: envoy, " + fields + "}]}}}"
	}
	sidecar := "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"
	for _, tt := range []guardCase{
		{"a variable that leads elsewhere", standaloneBase, "kind: Deployment", tunnel("env: [{name: RESTATE_TUNNEL_SERVERS, value: a}]"), "the variable RESTATE_TUNNEL_SERVERS must not be set here: allowed are"},
		{"a key that the spec has", standaloneBase, "kind: Deployment", tunnel("env: [{name: RESTATE_SIGNING_PUBLIC_KEY, value: hunter2}]"), "the variable RESTATE_SIGNING_PUBLIC_KEY must not be set here"},
		{"the client's own default, which is true", standaloneBase, "kind: Deployment", tunnel("env: [{name: RESTATE_REMOTE_PROXY, $patch: delete}]"), "it must not remove the variable RESTATE_REMOTE_PROXY"},
		{"variables from elsewhere", standaloneBase, "kind: Deployment", tunnel("envFrom: [{configMapRef: {name: a}}]"), "it must not change envFrom of the container restate-cloud-tunnel-client"},
		{"a variable of the user's", standaloneBase, "kind: Deployment", tunnel("env: [{name: RUST_LOG, value: debug}]"), ""},
		{"other arguments of the tunnel", standaloneBase, "kind: Deployment", tunnel("args: [a]"), "it must not change command and args of the container restate-cloud-tunnel-client"},
		{"under another name", standaloneBase, "kind: Deployment", "[{op: replace, path: /spec/template/spec/containers/0/name, value: a}]", "it must not remove or rename the container restate-cloud-tunnel-client"},
		{"a sidecar beside it", standaloneBase, "kind: Deployment", `spec: {template: {spec: {containers: [{name: a, image: "b:1", args: [c], env: [{name: RESTATE_A, value: b}], ` + sidecar + `}]}}}`, ""},
		{"other arguments of Envoy", gatewayBase(t), "kind: Deployment", gateway("args: [--config-yaml, a]"), "it must not change command and args of the container envoy: they are made from the spec"},
		{"one more", gatewayBase(t), "kind: Deployment", "[{op: add, path: /spec/template/spec/containers/0/args/-, value: --config-yaml}]", "it must not change command and args"},
		{"another program", gatewayBase(t), "kind: Deployment", gateway("command: [sh]"), "it must not change command and args"},
		{"resources", gatewayBase(t), "kind: Deployment", gateway("resources: {limits: {memory: 4Gi}}"), ""},
	} {
		tt.check(t)
	}
}

// TestPatchGuardsEachStep: what one patch was refused, two are as well.
func TestPatchGuardsEachStep(t *testing.T) {
	_, _, ds := patching(t, standaloneBase,
		patchEntry("kind: Deployment", "spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, env: [{name: RUST_LOG, value: debug}]}]}}}"),
		patchEntry("kind: Deployment", "spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, env: [{name: RESTATE_CLOUD_SUFFIX, value: a}]}]}}}"))
	if d := cmp.Diff([]string{"error RI1101 spec.patches[1].patch"}, findings(ds)); d != "" || !diag.HasError(ds) {
		t.Errorf("(-want +got)\n%s", d)
	}
}
