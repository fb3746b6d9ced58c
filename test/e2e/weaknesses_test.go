// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// TestWarningsAgreeWithPodSecurity patches the pods of a standalone tunnel: the function warns exactly when the API server refuses the
// pod in a namespace that is restricted.
func TestWarningsAgreeWithPodSecurity(t *testing.T) {
	const is = "{template: {spec: {containers: [{name: restate-cloud-tunnel-client, "
	for _, tt := range []struct {
		reason, spec string // spec of the Deployment, in flow style
		// ours says that the function is stricter, and why.
		ours string
	}{
		{"nothing that matters", "{replicas: 3}", ""},
		{"the host's network", "{template: {spec: {hostNetwork: true}}}", ""},
		{"the host's processes", "{template: {spec: {hostPID: true}}}", ""},
		{"the host's memory", "{template: {spec: {hostIPC: true}}}", ""},
		{"root for all", "{template: {spec: {securityContext: {runAsUser: 0}}}}", ""},
		{"another user", "{template: {spec: {securityContext: {runAsUser: 1000}}}}", ""},
		{"may be root", "{template: {spec: {securityContext: {runAsNonRoot: false}}}}", ""},
		{"no context of the pod", "{template: {spec: {securityContext: null}}}", ""},
		{"no context at all", is + "securityContext: null}]}}}", ""},
		{"neither has it", "{template: {spec: {securityContext: null, containers: [{name: restate-cloud-tunnel-client, securityContext: {runAsNonRoot: null}}]}}}", ""},
		{"neither has seccomp", "{template: {spec: {securityContext: null, containers: [{name: restate-cloud-tunnel-client, securityContext: {seccompProfile: null}}]}}}", ""},
		{"seccomp off for all", "{template: {spec: {securityContext: {seccompProfile: {type: Unconfined}}}}}", ""},
		{"seccomp off", is + "securityContext: {seccompProfile: {type: Unconfined}}}]}}}", ""},
		{"a profile of the node", is + "securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}}]}}}", ""},
		{"AppArmor off for all", "{template: {spec: {securityContext: {appArmorProfile: {type: Unconfined}}}}}", ""},
		{"AppArmor off", is + "securityContext: {appArmorProfile: {type: Unconfined}}}]}}}", ""},
		{"AppArmor of the runtime", is + "securityContext: {appArmorProfile: {type: RuntimeDefault}}}]}}}", ""},
		{"AppArmor off by an annotation", "{template: {metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/restate-cloud-tunnel-client: unconfined}}}}", ""},
		{"a type of SELinux", "{template: {spec: {securityContext: {seLinuxOptions: {type: spc_t}}}}}", ""},
		{"an allowed type of SELinux", "{template: {spec: {securityContext: {seLinuxOptions: {type: container_t, level: s0}}}}}", ""},
		{"a role of SELinux", is + "securityContext: {seLinuxOptions: {role: a}}}]}}}", ""},
		{"a sysctl", "{template: {spec: {securityContext: {sysctls: [{name: kernel.msgmax, value: \"1\"}]}}}}", ""},
		{"a safe sysctl", "{template: {spec: {securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: \"1\"}]}}}}", ""},
		{"a sysctl that became safe", "{template: {spec: {securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: \"1 2 3\"}]}}}}", "older releases refuse it"},
		{"a directory of the host", "{template: {spec: {volumes: [{name: h, hostPath: {path: /}}]}}}", ""},
		{"NFS", "{template: {spec: {volumes: [{name: h, nfs: {server: a, path: /}}]}}}", ""},
		{"a claim", "{template: {spec: {volumes: [{name: h, persistentVolumeClaim: {claimName: a}}]}}}", ""},
		{"an image as a volume", "{template: {spec: {volumes: [{name: h, image: {reference: \"a/b:1\"}}]}}}", ""},
		{"privileged", is + "securityContext: {privileged: true, allowPrivilegeEscalation: true}}]}}}", ""},
		{"escalation", is + "securityContext: {allowPrivilegeEscalation: true}}]}}}", ""},
		{"escalation is not said", is + "securityContext: {allowPrivilegeEscalation: null}}]}}}", ""},
		{"may be root in one", is + "securityContext: {runAsNonRoot: false}}]}}}", ""},
		{"root in one", is + "securityContext: {runAsUser: 0}}]}}}", ""},
		{"the usual /proc", is + "securityContext: {procMount: Default}}]}}}", ""},
		{"some capabilities dropped", is + "securityContext: {capabilities: {drop: [NET_RAW]}}}]}}}", ""},
		{"a capability", is + "securityContext: {capabilities: {add: [CHOWN]}}}]}}}", ""},
		{"the one that is allowed", is + "securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]}}}", ""},
		{"a root file system to write to", is + "securityContext: {readOnlyRootFilesystem: false}}]}}}", "Pod Security does not ask for it"},
		{"a port of the host", is + "ports: [{containerPort: 9090, hostPort: 9090}]}]}}}", ""},
		{"a probe of another host", is + "readinessProbe: {httpGet: {host: example.com}}}]}}}", ""},
		{"a handler of another host", is + "lifecycle: {preStop: {tcpSocket: {host: example.com, port: 1}}}}]}}}", ""},
		{"a probe of its own", is + "livenessProbe: {tcpSocket: {port: 9090}}}]}}}", ""},
		{"a container beside it", "{template: {spec: {containers: [{name: beside, image: \"a/b:1\"}]}}}", ""},
		{"an init container", "{template: {spec: {initContainers: [{name: first, image: \"a/b:1\"}]}}}", ""},
		{"a user namespace, in which root is harmless", "{template: {spec: {hostUsers: false, securityContext: {runAsUser: 0}}}}", "releases before 1.35 refuse it"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			deployment, warned := patched(t, tt.spec)
			refused := server.refused(t, deployment)
			if tt.ours != "" {
				if !warned || refused {
					t.Errorf("warned: %t, refused: %t: no longer true: %s", warned, refused, tt.ours)
				}
			} else if warned != refused {
				t.Errorf("the function warns: %t, and the API server refuses: %t", warned, refused)
			}
		})
	}
}

// patched renders the tunnel's Deployment with a patch of its spec, and reports whether the function warns of weaker pods.
func patched(t *testing.T, spec string) (*unstructured.Unstructured, bool) {
	t.Helper()
	patch, err := json.Marshal("spec: " + spec)
	if err != nil {
		t.Fatal(err)
	}
	list := strings.NewReplacer("NAME", "patched", "KEY", "a", "LABEL", "a").Replace(standalone) + "    patches: [{target: {kind: Deployment}, patch: " + string(patch) + "}]\n"
	out, ds := fn.Run([]byte(list), nil)
	if diag.HasError(ds) {
		t.Fatal(ds)
	}
	warned := slices.ContainsFunc(ds, func(d diag.Diagnostic) bool { return d.Code == diag.WeakerPods })
	for _, o := range generated(t, t.Name(), out) {
		if o.GetKind() == "Deployment" {
			return o, warned
		}
	}
	t.Fatal("no Deployment rendered")
	return nil, false
}

// refused reports whether Pod Security refuses a pod of the workload; any other refusal ends the test.
func (j *judge) refused(t *testing.T, o *unstructured.Unstructured) bool {
	t.Helper()
	j.namespaces(t, []*unstructured.Unstructured{o}, "restricted")
	template, _, _ := unstructured.NestedMap(o.Object, "spec", "template")
	pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]}}
	pod.SetName("judged")
	pod.SetNamespace(o.GetNamespace())
	client, err := j.resource(pod)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	j.Warnings.Take() // of deprecated annotations
	// This server does not allow privileged pods at all, and says so first.
	if err != nil && !strings.Contains(err.Error(), "PodSecurity") && !strings.Contains(err.Error(), "privileged: Forbidden") {
		t.Fatalf("refused for another reason: %v", err)
	}
	return err != nil
}
