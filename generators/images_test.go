// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestMirrored(t *testing.T) {
	for _, tt := range []struct{ reason, mirror, ref, want string }{
		{"no mirror", "", "ghcr.io/a/b:1", "ghcr.io/a/b:1"},
		{"a host", "mirror.example.com", "ghcr.io/a/b:1", "mirror.example.com/a/b:1"},
		{"a port", "mirror.example.com:5000", "ghcr.io/a/b:1", "mirror.example.com:5000/a/b:1"},
		{"a path", "mirror.example.com/c/d", "ghcr.io/a/b:1", "mirror.example.com/c/d/a/b:1"},
		{"the digest stays", "m", "docker.restate.dev/a/b:1@sha256:6905", "m/a/b:1@sha256:6905"},
		{"the registry's port goes with it", "m", "r.example.com:5000/b:1", "m/b:1"},
	} {
		if got := mirrored(tt.mirror, tt.ref); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
}

// TestImageTable: each default has its registry, which a mirror replaces, a tag, and what is known of it.
func TestImageTable(t *testing.T) {
	r := &resolver{}
	for _, i := range Images() {
		if fieldType, err := fieldType("spec.images." + i.Field); err != nil || fieldType.Kind().String() != "string" {
			t.Errorf("%s: %v", i.Field, err)
		}
		host, path, _ := strings.Cut(i.Ref, "/")
		if r.image(specPath, i.Ref); len(r.ds) > 0 || !strings.Contains(host, ".") || !strings.Contains(path, "/") || !strings.Contains(path, ":") {
			t.Errorf("%s: %s %q", i.Field, i.Ref, findings(r.ds))
		}
		if _, err := time.Parse(time.DateOnly, i.Checked); err != nil || i.Why == "" || strings.HasSuffix(i.Why, ".") {
			t.Errorf("%s: checked %q: %q", i.Field, i.Checked, i.Why)
		}
	}
	Images()[0].Ref = "changed"
	if Images()[0].Ref == "changed" {
		t.Error("the table itself was handed out")
	}
}

// podsOf are the pods of every workload that the function writes, by kind and name.
func podsOf(all []Built) map[string]corev1.PodSpec {
	out := map[string]corev1.PodSpec{}
	for _, b := range all {
		if template := podOf(b); template != nil {
			out[b.ID().Kind+" "+b.ID().Name] = template.Spec
		}
	}
	return out
}

// TestImagesReachEveryPod of every component.
func TestImagesReachEveryPod(t *testing.T) {
	const all = `{spec: {images: {registry: mirror.example.com/x, pullSecrets: [a, b.c], pullPolicy: Always}}}`
	names := map[string]bool{}
	for _, base := range []string{
		standaloneBase, jobBase(t), bridgeBase(t), operatorBase,
		basedOn(t, operatorBase, `{services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: a, image: "a/b:1"}]}}}}}}`),
	} {
		for name, pod := range podsOf(built(t, base, all)) {
			names[strings.Split(name, "-greeter-")[0]] = true
			if d := cmp.Diff([]corev1.LocalObjectReference{{Name: "a"}, {Name: "b.c"}}, pod.ImagePullSecrets); d != "" {
				t.Errorf("%s: pull Secrets (-want +got)\n%s", name, d)
			}
			ours := !strings.HasPrefix(name, "RestateDeployment")
			for _, c := range pod.Containers {
				if ours && !strings.HasPrefix(c.Image, "mirror.example.com/x/") || !ours && strings.HasPrefix(c.Image, "mirror.example.com") {
					t.Errorf("%s: image %s", name, c.Image)
				}
				if c.Name != "a" && c.ImagePullPolicy != corev1.PullAlways { // a container of the user's own template
					t.Errorf("%s: pull policy %q", name, c.ImagePullPolicy)
				}
			}
		}
		for name, pod := range podsOf(built(t, base)) {
			if len(pod.ImagePullSecrets) > 0 || pod.Containers[0].ImagePullPolicy != "" {
				t.Errorf("%s: %v and %q, and nobody asked for them", name, pod.ImagePullSecrets, pod.Containers[0].ImagePullPolicy)
			}
		}
	}
	if d := cmp.Diff(map[string]bool{"Deployment prod-tunnel": true, "Job prod-registration": true, "Deployment prod-bridge": true, "RestateDeployment prod-service-greeter": true}, names); d != "" {
		t.Errorf("the pods that were looked at (-want +got)\n%s", d)
	}
	if e := environment(t, all); e.Spec.Tunnel.Image != "mirror.example.com/x/restatedev/restate-cloud-tunnel-client:0.6.0" || e.Spec.Tunnel.ImagePullPolicy != "Always" {
		t.Errorf("the operator's tunnel has %s, %s", e.Spec.Tunnel.Image, e.Spec.Tunnel.ImagePullPolicy)
	}
}

// TestTemplateKeepsItsPullSecrets, an empty list too.
func TestTemplateKeepsItsPullSecrets(t *testing.T) {
	for list, want := range map[string][]corev1.LocalObjectReference{"[{name: own}]": {{Name: "own"}}, "[]": {}} {
		base := basedOn(t, operatorBase, `{images: {pullSecrets: [a]}, services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {imagePullSecrets: `+list+`, containers: [{name: a}]}}}}}}`)
		for name, pod := range podsOf(built(t, base)) {
			if d := cmp.Diff(want, pod.ImagePullSecrets); d != "" {
				t.Errorf("%s with %s: (-want +got)\n%s", name, list, d)
			}
		}
	}
}

func TestResolveImages(t *testing.T) {
	const registry, pull = "spec.images.registry", "spec.images.pullSecrets"
	runResolve(t, standaloneBase, []resolveCase{
		{"a host", `{images: {registry: mirror.example.com}}`, ""},
		{"a host without a dot", `{images: {registry: "mirror:5000"}}`, ""},
		{"a path", `{images: {registry: mirror.example.com/a/b_c.d-e}}`, ""},
		{"this machine", `{images: {registry: localhost/a}}`, ""},
		{"a name in Docker's own registry", `{images: {registry: mirror/a}}`, "error RI0311 " + registry},
		{"a part that begins with a dot", `{images: {registry: mirror.example.com/../a}}`, "error RI0311 " + registry},
		{"two dots in the host", `{images: {registry: mirror..example.com}}`, "error RI0311 " + registry},
		{"a scheme", `{images: {registry: "https://mirror.example.com"}}`, "error RI0311 " + registry},
		{"a final slash", `{images: {registry: mirror.example.com/}}`, "error RI0311 " + registry},
		{"a tag", `{images: {registry: "mirror.example.com/a:1"}}`, "error RI0311 " + registry},
		{"a digest", `{images: {registry: "mirror.example.com/a@sha256:b"}}`, "error RI0311 " + registry},
		{"capitals in the path", `{images: {registry: mirror.example.com/A}}`, "error RI0311 " + registry},
		{"a blank", `{images: {registry: "mirror.example.com a"}}`, "error RI0311 " + registry},
		{"a line break behind", `{images: {registry: "mirror.example.com\n"}}`, "error RI0311 " + registry},
		{"a Secret", `{images: {pullSecrets: [a.b]}}`, ""},
		{"one twice", `{images: {pullSecrets: [a, b, a]}}`, "error RI0202 " + pull + "[2]"},
		{"no name of a Secret", `{images: {pullSecrets: [A_b]}}`, "error RI0301 " + pull + "[0]"},
		{"an empty one", `{images: {pullSecrets: [""]}}`, "error RI0301 " + pull + "[0]"},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the operator cannot pass them on", `{images: {pullSecrets: [a]}}`, "warning RI0606 " + pull},
		{"a mirror reaches the operator's tunnel", `{images: {registry: mirror.example.com}}`, ""},
		{"no Secret, no warning", `{images: {pullSecrets: []}}`, ""},
	})
	_, ds := Resolve(spec(t, operatorBase, `{spec: {images: {pullSecrets: [a]}, tunnel: {operator: {namespace: ops}}}}`), Input{})
	if len(ds) != 1 || !strings.Contains(ds[0].Text(), "ServiceAccount default in namespace ops") {
		t.Errorf("the way out is not named: %q", texts(ds))
	}
}
