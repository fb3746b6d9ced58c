// SPDX-License-Identifier: Apache-2.0

package scanners

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Lint has the checks of kube-linter, polaris, kubescape and checkov that no scanner here has.
type Lint struct{}

// Name implements Scanner.
func (Lint) Name() string { return "lint" }

// Scan implements Scanner.
func (l Lint) Scan(sets [][]*Object) ([]Result, error) {
	return each(sets, l.scan)
}

func (l Lint) scan(objects []*Object) (Result, error) {
	out := Result{Scanned: len(objects)}
	for _, o := range objects {
		run := &linting{object: o, all: objects, report: func(check, format string, args ...any) {
			out.Findings = append(out.Findings, about(o, l.Name(), check, fmt.Sprintf(format, args...)))
		}}
		run.metadata()
		check, ok := kinds[o.GetKind()]
		if !ok {
			run.report("kind", "no check here knows the kind: RBAC and HorizontalPodAutoscaler have rules of their own")
		}
		if check == nil {
			continue
		}
		if err := check(run); err != nil {
			return Result{}, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return out, nil
}

// linting is the run over one object.
type linting struct {
	object *Object
	all    []*Object
	report func(check, format string, args ...any)
}

// kinds has the check of each kind that the function writes.
var kinds = map[string]func(*linting) error{
	"Account":                 nil, // nauth: no pod and no Secret
	"BackendTLSPolicy":        (*linting).backendTLS,
	"Certificate":             (*linting).certificate,
	"ConfigMap":               (*linting).configMap,
	"Consumer":                nil, // NACK
	"Deployment":              (*linting).deployment,
	"Gateway":                 (*linting).gateway,
	"HTTPRoute":               (*linting).httpRoute,
	"Ingress":                 (*linting).ingress,
	"Job":                     (*linting).job,
	"Namespace":               (*linting).namespace,
	"NetworkPolicy":           nil, // TestConnectivity
	"PodDisruptionBudget":     (*linting).budget,
	"ReferenceGrant":          (*linting).grant,
	"RestateCloudEnvironment": nil,
	"RestateDeployment":       nil, // scanned as a Deployment too
	"Secret":                  (*linting).secret,
	"Service":                 (*linting).service,
	"ServiceAccount":          (*linting).serviceAccount,
	"Stream":                  nil, // NACK
	"User":                    nil, // nauth
}

// secretLike is what polaris and kube-linter hold for names of secrets.
var secretLike = regexp.MustCompile(`(?i)(secret|passw|token|api_?key|credential|private_?key|access_?key|bearer)`)

// aboutSecret names settings that say where a secret is.
var aboutSecret = regexp.MustCompile(`(?i)_(file|path|name)$`)

func typed[T any](o *Object) (T, error) {
	var v T
	return v, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &v)
}

func (l *linting) metadata() {
	switch l.object.GetKind() {
	case "Namespace", "RestateCloudEnvironment":
	default:
		if ns := l.object.GetNamespace(); ns == "" || ns == metav1.NamespaceDefault {
			l.report("use-namespace", "the namespace is %q", ns)
		}
	}
	if l.object.GetKind() == "RestateCloudEnvironment" {
		return // the operator copies its labels to what it makes
	}
	for _, key := range []string{"app.kubernetes.io/managed-by", "app.kubernetes.io/part-of", "app.kubernetes.io/component"} {
		if l.object.GetLabels()[key] == "" {
			l.report("recommended-labels", "no label %s", key)
		}
	}
}

func (l *linting) configMap() error {
	v, err := typed[corev1.ConfigMap](l.object)
	for _, key := range slices.Concat(slices.Sorted(maps.Keys(v.Data)), slices.Sorted(maps.Keys(v.BinaryData))) {
		if secretLike.MatchString(key) && !aboutSecret.MatchString(key) {
			l.report("sensitive-configmap-content", "key %s", key)
		}
	}
	return err
}

func (l *linting) secret() error {
	v, err := typed[corev1.Secret](l.object)
	if v.Type == corev1.SecretTypeServiceAccountToken {
		l.report("service-account-token", "a token that never expires")
	}
	return err
}

func (l *linting) namespace() error {
	for _, mode := range []string{"enforce", "warn", "audit"} {
		if got := l.object.GetLabels()["pod-security.kubernetes.io/"+mode]; got != "restricted" {
			l.report("pod-security-"+mode, "the level is %q", got)
		} else if l.object.GetLabels()["pod-security.kubernetes.io/"+mode+"-version"] == "" {
			l.report("pod-security-version", "%s has no version", mode)
		}
	}
	return nil
}

func (l *linting) serviceAccount() error {
	v, err := typed[corev1.ServiceAccount](l.object)
	if v.AutomountServiceAccountToken == nil || *v.AutomountServiceAccountToken {
		l.report("automount-service-account-token", "pods get a token unless they refuse it")
	}
	return err
}

func (l *linting) service() error {
	v, err := typed[corev1.Service](l.object)
	if err != nil {
		return err
	}
	if t := cmp.Or(v.Spec.Type, corev1.ServiceTypeClusterIP); t != corev1.ServiceTypeClusterIP || len(v.Spec.ExternalIPs) > 0 {
		l.report("exposed-services", "type %s, external addresses %v", t, v.Spec.ExternalIPs)
	}
	return nil
}

func (l *linting) budget() error {
	v, err := typed[policyv1.PodDisruptionBudget](l.object)
	if err != nil {
		return err
	}
	if m := v.Spec.MinAvailable; m != nil && (*m == intstr.FromString("100%") || m.Type == intstr.Int && m.IntVal >= l.replicas(v.Spec.Selector)) {
		l.report("pdb-min-available", "no node can be drained")
	}
	if m := v.Spec.MaxUnavailable; v.Spec.MinAvailable == nil && (m == nil || *m == intstr.FromInt32(0) || *m == intstr.FromString("0%")) {
		l.report("pdb-max-unavailable", "no node can be drained")
	}
	if p := v.Spec.UnhealthyPodEvictionPolicy; p == nil || *p != policyv1.AlwaysAllow {
		l.report("pdb-unhealthy-pod-eviction-policy", "pods that do not run stop a drain")
	}
	return nil
}

// replicas of the Deployments that the selector means; none are known of a tunnel that the operator runs.
func (l *linting) replicas(s *metav1.LabelSelector) int32 {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return 0
	}
	sum := int32(0)
	for _, o := range l.all {
		d, err := typed[appsv1.Deployment](o)
		if err != nil || o.GetKind() != "Deployment" || o.GetNamespace() != l.object.GetNamespace() {
			continue
		}
		if selector.Matches(labels.Set(d.Spec.Template.Labels)) && d.Spec.Replicas != nil {
			sum += *d.Spec.Replicas
		}
	}
	return sum
}

func (l *linting) deployment() error {
	v, err := typed[appsv1.Deployment](l.object)
	if err != nil {
		return err
	}
	if v.Spec.Replicas == nil || *v.Spec.Replicas < 3 {
		l.report("minimum-replicas", "fewer than 3")
	}
	if v.Spec.RevisionHistoryLimit == nil {
		l.report("revision-history-limit", "not set")
	}
	if v.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		l.report("no-rolling-update-strategy", "%q", v.Spec.Strategy.Type)
	}
	selector, err := metav1.LabelSelectorAsSelector(v.Spec.Selector)
	if err != nil {
		return err
	}
	if selector.Empty() || !selector.Matches(labels.Set(v.Spec.Template.Labels)) {
		l.report("mismatching-selector", "%s", selector)
	}
	if v.Spec.Template.Labels["app.kubernetes.io/name"] == "" {
		l.report("recommended-labels", "no label app.kubernetes.io/name on the pods")
	}
	if p := v.Spec.Template.Spec; len(p.TopologySpreadConstraints) == 0 && (p.Affinity == nil || p.Affinity.PodAntiAffinity == nil) {
		l.report("no-anti-affinity", "one node may have all pods")
	}
	l.pod(v.Spec.Template.Spec)
	return nil
}

func (l *linting) job() error {
	v, err := typed[batchv1.Job](l.object)
	if err != nil {
		return err
	}
	if v.Spec.TTLSecondsAfterFinished == nil {
		l.report("job-ttl-seconds-after-finished", "not set")
	}
	l.pod(v.Spec.Template.Spec)
	return nil
}

func (l *linting) pod(p corev1.PodSpec) {
	if name := p.ServiceAccountName; name == "" || name == "default" {
		l.report("default-service-account", "%q", name)
	} else if !slices.ContainsFunc(l.all, func(o *Object) bool {
		return o.GetKind() == "ServiceAccount" && o.GetNamespace() == l.object.GetNamespace() && o.GetName() == name
	}) {
		l.report("non-existent-service-account", "%s", name)
	}
	if p.EnableServiceLinks == nil || *p.EnableServiceLinks {
		l.report("service-links", "each Service of the namespace is in the environment")
	}
	if p.PriorityClassName == "" {
		l.report("priority-class-name", "not set")
	}
	sc := cmp.Or(p.SecurityContext, &corev1.PodSecurityContext{})
	if len(sc.Sysctls) > 0 {
		l.report("unsafe-sysctls", "%v", sc.Sysctls)
	}
	if sc.FSGroup == nil && slices.ContainsFunc(p.Volumes, func(v corev1.Volume) bool { return v.Secret != nil }) {
		l.report("fs-group", "a file of a Secret is root's")
	}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			l.report("host-path", "volume %s", v.Name)
		}
		if v.EmptyDir != nil && v.EmptyDir.SizeLimit == nil {
			l.report("empty-dir-size-limit", "volume %s", v.Name)
		}
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		l.container(c)
	}
}

func (l *linting) container(c corev1.Container) {
	if !strings.Contains(c.Image, "@sha256:") {
		l.report("image-digest", "container %s: %s", c.Name, c.Image)
	}
	l.env(c)
	declared := map[intstr.IntOrString]bool{}
	for _, p := range c.Ports {
		declared[intstr.FromInt32(p.ContainerPort)] = true
		declared[intstr.FromString(p.Name)] = true
		if p.ContainerPort < 1024 {
			l.report("privileged-ports", "container %s: %d", c.Name, p.ContainerPort)
		}
		if p.HostPort != 0 {
			l.report("host-port", "container %s: %d", c.Name, p.HostPort)
		}
	}
	for name, probe := range map[string]*corev1.Probe{"readiness": c.ReadinessProbe, "liveness": c.LivenessProbe, "startup": c.StartupProbe} {
		if probe == nil {
			continue
		}
		l.handler(c, name+" probe", probe.ProbeHandler.HTTPGet, probe.ProbeHandler.TCPSocket)
		for _, port := range probePorts(probe) {
			if !declared[port] {
				l.report("probe-port", "container %s: the %s probe's port %s is not declared", c.Name, name, port.String())
			}
		}
	}
	if c.Lifecycle == nil {
		return
	}
	for name, h := range map[string]*corev1.LifecycleHandler{"postStart": c.Lifecycle.PostStart, "preStop": c.Lifecycle.PreStop} {
		if h != nil {
			l.handler(c, name, h.HTTPGet, h.TCPSocket)
		}
	}
}

// env judges the environment: secrets belong in files, which children and crash reports do not inherit.
func (l *linting) env(c corev1.Container) {
	seen := map[string]bool{}
	for _, e := range c.Env {
		if seen[e.Name] {
			l.report("duplicate-env-var", "container %s: %s", c.Name, e.Name)
		}
		seen[e.Name] = true
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			l.report("read-secret-from-env-var", "container %s: %s", c.Name, e.Name)
		}
		if e.Value != "" && secretLike.MatchString(e.Name) && !aboutSecret.MatchString(e.Name) {
			l.report("env-var-secret", "container %s: %s", c.Name, e.Name)
		}
	}
	for _, e := range c.EnvFrom {
		if e.SecretRef != nil {
			l.report("read-secret-from-env-var", "container %s: all of %s", c.Name, e.SecretRef.Name)
		}
	}
}

func (l *linting) handler(c corev1.Container, what string, get *corev1.HTTPGetAction, socket *corev1.TCPSocketAction) {
	if get != nil && get.Host != "" || socket != nil && socket.Host != "" {
		l.report("probe-host", "container %s: the %s names a host", c.Name, what)
	}
}

func probePorts(p *corev1.Probe) []intstr.IntOrString {
	var out []intstr.IntOrString
	if p.HTTPGet != nil {
		out = append(out, p.HTTPGet.Port)
	}
	if p.TCPSocket != nil {
		out = append(out, p.TCPSocket.Port)
	}
	if p.GRPC != nil {
		out = append(out, intstr.FromInt32(p.GRPC.Port))
	}
	return out
}
