// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/np-guard/netpol-analyzer/pkg/netpol/connlist"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/utils/ptr"
)

var update = flag.Bool("update-connectivity", false, "write the wanted connectivity anew; review it line by line")

// TestConnectivity computes with an analyser of network policies who may talk to whom, in a world of workloads that others run:
// testdata/world.yaml, a stranger in each namespace, and what Restate's operator makes. Every arrow from or to a pod that a policy
// of ours closes is compared. A selector that matches nobody in that world fails: it would make every later line vacuous.
func TestConnectivity(t *testing.T) {
	objects := world(t)
	others := typed[appsv1.Deployment](t, objects, "Deployment")
	namespaces := namespaceLabels{}
	for _, ns := range typed[corev1.Namespace](t, objects, "Namespace") {
		namespaces[ns.Name] = ns.Labels
	}
	for _, out := range corpus(t) {
		policies := typed[networkingv1.NetworkPolicy](t, out.objects, "NetworkPolicy")
		if len(policies) == 0 {
			continue
		}
		t.Run(out.name, func(t *testing.T) {
			if dropIPv6(policies) {
				fmt.Printf("e2e: %s: its IPv6 addresses are not judged\n", out.name)
			}
			workloads := append(slices.Clone(others), operated(t, out.objects)...)
			workloads = append(workloads, typed[appsv1.Deployment](t, out.objects, "Deployment")...)
			workloads = append(workloads, jobPods(t, out.objects)...)
			workloads = append(workloads, strangers(workloads)...)
			for _, p := range policies {
				namespaces.checkSelectors(t, p, workloads)
			}
			got := namespaces.arrows(t, workloads, policies)
			namespaces.checkStrangers(t, got, policies)
			compare(t, out.name, got)
			totals.arrows += len(got)
		})
	}
}

// dropIPv6 takes IPv6 peers away, of which the analyser reads four bytes as IPv4, and reports whether there were any. A rule that has no
// other peer goes as a whole, because one without peers would mean everybody.
func dropIPv6(policies []networkingv1.NetworkPolicy) bool {
	found := false
	ipv6 := func(p networkingv1.NetworkPolicyPeer) bool {
		is := p.IPBlock != nil && strings.Contains(p.IPBlock.CIDR, ":")
		found = found || is
		return is
	}
	for i := range policies {
		policies[i].Spec.Egress = slices.DeleteFunc(policies[i].Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool {
			return len(r.To) > 0 && !slices.ContainsFunc(r.To, func(p networkingv1.NetworkPolicyPeer) bool { return !ipv6(p) })
		})
		for j, r := range policies[i].Spec.Egress {
			policies[i].Spec.Egress[j].To = slices.DeleteFunc(r.To, ipv6)
		}
	}
	return found
}

// namespaceLabels are the labels of namespaces besides the one with the name, which Kubernetes sets on each.
type namespaceLabels map[string]map[string]string

func (n namespaceLabels) of(name string) map[string]string {
	out := map[string]string{corev1.LabelMetadataName: name}
	maps.Copy(out, n[name])
	return out
}

// world has the workloads of others, as Deployments, and the namespaces that have labels.
func world(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "world.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func typed[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) []T {
	t.Helper()
	var out []T
	for _, o := range objects {
		if o.GetKind() != kind {
			continue
		}
		var v T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &v); err != nil {
			t.Fatalf("%s: %v", describe(o), err)
		}
		out = append(out, v)
	}
	return out
}

// operated are the pods that Restate's operator makes: tunnel-<name> in its own namespace, with the two labels that it enforces
// (restate-operator, restatecloudenvironment/tunnel.rs), and the pods of each RestateDeployment with the template's labels.
func operated(t *testing.T, objects []*unstructured.Unstructured) []appsv1.Deployment {
	t.Helper()
	var out []appsv1.Deployment
	for _, o := range objects {
		switch o.GetKind() {
		case "RestateCloudEnvironment":
			// The operator's namespace is nowhere in the object: it is where the tunnel's Secret and policy have to be.
			namespace := operatorNamespace
			for _, p := range typed[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy") {
				if p.Name == "prod-tunnel" {
					namespace = p.Namespace
				}
			}
			out = append(out, deployment(namespace, "tunnel-"+o.GetName(), map[string]string{
				"app.kubernetes.io/name": "restate-cloud-tunnel-client", "app.kubernetes.io/instance": "tunnel-" + o.GetName(),
			}))
		case "RestateDeployment":
			podLabels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
			out = append(out, deployment(o.GetNamespace(), o.GetName(), podLabels))
		}
	}
	return out
}

// jobHash ends the name of each Job, and changes with all that is in it.
var jobHash = regexp.MustCompile(`-[0-9a-f]{8}$`)

// jobPods are the pods of the Jobs in the output.
func jobPods(t *testing.T, objects []*unstructured.Unstructured) []appsv1.Deployment {
	t.Helper()
	var out []appsv1.Deployment
	for _, j := range typed[batchv1.Job](t, objects, "Job") {
		out = append(out, deployment(j.Namespace, jobHash.ReplaceAllString(j.Name, ""), j.Spec.Template.Labels))
	}
	return out
}

func deployment(namespace, name string, podLabels map[string]string) appsv1.Deployment {
	return appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: podLabels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: podLabels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}},
		},
	}
}

const strangerLabel = "stranger"

// strangers are pods that nobody means, one in each namespace and one in a namespace of its own.
func strangers(workloads []appsv1.Deployment) []appsv1.Deployment {
	namespaces := []string{"elsewhere"}
	for _, w := range workloads {
		namespaces = append(namespaces, w.Namespace)
	}
	slices.Sort(namespaces)
	var out []appsv1.Deployment
	for _, ns := range slices.Compact(namespaces) {
		out = append(out, deployment(ns, "stranger", map[string]string{strangerLabel: "true"}))
	}
	return out
}

// checkSelectors fails for a selector that matches no workload; strangers do not count.
func (n namespaceLabels) checkSelectors(t *testing.T, p networkingv1.NetworkPolicy, workloads []appsv1.Deployment) {
	t.Helper()
	match := func(what string, namespace, pods *metav1.LabelSelector) {
		if !slices.ContainsFunc(workloads, func(w appsv1.Deployment) bool {
			if w.Spec.Template.Labels[strangerLabel] != "" {
				return false
			}
			if namespace == nil && w.Namespace != p.Namespace {
				return false
			}
			return (namespace == nil || selects(t, namespace, n.of(w.Namespace))) &&
				(pods == nil || selects(t, pods, w.Spec.Template.Labels))
		}) {
			t.Errorf("NetworkPolicy %s/%s: %s matches no workload of the world", p.Namespace, p.Name, what)
		}
	}
	if len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) > 0 {
		match("podSelector", nil, &p.Spec.PodSelector)
	}
	for _, peer := range peers(p) {
		if peer.IPBlock == nil {
			text, _ := json.Marshal(peer)
			match("peer "+string(text), peer.NamespaceSelector, peer.PodSelector)
		}
	}
}

func peers(p networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for _, r := range p.Spec.Ingress {
		out = append(out, r.From...)
	}
	for _, r := range p.Spec.Egress {
		out = append(out, r.To...)
	}
	return out
}

func selects(t *testing.T, s *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(set))
}

// arrows are the allowed connections from or to pods that a policy closes in that direction, one a line.
func (n namespaceLabels) arrows(t *testing.T, workloads []appsv1.Deployment, policies []networkingv1.NetworkPolicy) []string {
	t.Helper()
	var infos []*resource.Info
	add := func(o any) {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, &resource.Info{Object: &unstructured.Unstructured{Object: fields}})
	}
	namespaces := map[string]bool{}
	for i := range workloads {
		workloads[i].TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
		add(&workloads[i])
		if ns := workloads[i].Namespace; !namespaces[ns] {
			namespaces[ns] = true
			add(&corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: n.of(ns)}})
		}
	}
	for i := range policies {
		policies[i].TypeMeta = metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}
		add(&policies[i])
	}
	analyzer := connlist.NewConnlistAnalyzer(connlist.WithMuteErrsAndWarns())
	list, _, err := analyzer.ConnlistFromResourceInfos(infos)
	if err != nil || len(analyzer.Errors()) > 0 {
		t.Fatalf("analyse: %v %v", err, analyzer.Errors())
	}
	ingress, egress := closed(t, workloads, policies)
	var out []string
	for _, c := range list {
		if ingress[c.Dst().String()] || egress[c.Src().String()] {
			out = append(out, c.Src().String()+" => "+c.Dst().String()+" : "+ports(c))
		}
	}
	slices.Sort(out)
	return out
}

// checkStrangers is a property of every case: between a closed pod and a stranger nothing passes, but where a rule names the
// stranger's namespace as a whole, so that everybody in it is meant. DNS is everybody's.
func (n namespaceLabels) checkStrangers(t *testing.T, arrows []string, policies []networkingv1.NetworkPolicy) {
	t.Helper()
	for _, a := range arrows {
		from, rest, _ := strings.Cut(a, " => ")
		to, _, _ := strings.Cut(rest, " : ")
		for _, end := range []string{from, to} {
			namespace, pod, _ := strings.Cut(end, "/")
			if strings.HasPrefix(pod, "stranger[") && to != "kube-system/coredns[Deployment]" && !n.namedWhole(t, policies, namespace) {
				t.Errorf("a stranger has a part in: %s", a)
			}
		}
	}
}

func (n namespaceLabels) namedWhole(t *testing.T, policies []networkingv1.NetworkPolicy, namespace string) bool {
	t.Helper()
	return slices.ContainsFunc(policies, func(p networkingv1.NetworkPolicy) bool {
		return slices.ContainsFunc(peers(p), func(peer networkingv1.NetworkPolicyPeer) bool {
			everyPod := peer.PodSelector == nil || len(peer.PodSelector.MatchLabels)+len(peer.PodSelector.MatchExpressions) == 0
			return everyPod && peer.NamespaceSelector != nil && selects(t, peer.NamespaceSelector, n.of(namespace))
		})
	})
}

// TestConnectivityCatchesServicePorts puts the Service's port into a policy where the pod's belongs: the call that the tunnel has to
// make is gone from the arrows.
func TestConnectivityCatchesServicePorts(t *testing.T) {
	namespaces := namespaceLabels{}
	tunnel := deployment("restate", "tunnel", map[string]string{"app": "tunnel"})
	ledger := deployment("shop", "ledger", map[string]string{"app": "ledger"})
	arrowsWith := func(port int32) []string {
		policy := networkingv1.NetworkPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "ledger"},
			Spec: networkingv1.NetworkPolicySpec{
				PodSelector: metav1.LabelSelector{MatchLabels: ledger.Spec.Template.Labels},
				PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
				Ingress: []networkingv1.NetworkPolicyIngressRule{{
					Ports: []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromInt32(port))}},
					From: []networkingv1.NetworkPolicyPeer{{
						NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "restate"}},
						PodSelector:       &metav1.LabelSelector{MatchLabels: tunnel.Spec.Template.Labels},
					}},
				}},
			},
		}
		return namespaces.arrows(t, []appsv1.Deployment{tunnel, ledger}, []networkingv1.NetworkPolicy{policy})
	}
	const podPort = "restate/tunnel[Deployment] => shop/ledger[Deployment] : TCP 8443"
	if got := arrowsWith(8443); !slices.Equal(got, []string{podPort}) {
		t.Errorf("with the pod's port: %q", got)
	}
	if got := arrowsWith(443); slices.Contains(got, podPort) {
		t.Errorf("with the Service's port the call must be gone, got %q", got)
	}
}

// closed names the workloads whose ingress and egress a policy closes.
func closed(t *testing.T, workloads []appsv1.Deployment, policies []networkingv1.NetworkPolicy) (ingress, egress map[string]bool) {
	t.Helper()
	ingress, egress = map[string]bool{}, map[string]bool{}
	for _, p := range policies {
		for _, w := range workloads {
			if w.Namespace != p.Namespace || !selects(t, &p.Spec.PodSelector, w.Spec.Template.Labels) {
				continue
			}
			name := w.Namespace + "/" + w.Name + "[Deployment]"
			ingress[name] = ingress[name] || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
			egress[name] = egress[name] || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	return ingress, egress
}

func ports(c connlist.Peer2PeerConnection) string {
	if c.AllProtocolsAndPorts() {
		return "everything"
	}
	var parts []string
	for protocol, ranges := range c.ProtocolsAndPorts() {
		for _, r := range ranges {
			parts = append(parts, string(protocol)+" "+r.String())
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// compare holds the arrows against testdata/connectivity/<case>.txt.
func compare(t *testing.T, name string, got []string) {
	t.Helper()
	path := filepath.Join("testdata", "connectivity", strings.ReplaceAll(name, " ", "-")+".txt")
	text := strings.Join(append(got, ""), "\n")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}
