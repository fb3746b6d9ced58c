// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func (r *resolver) tunnel() {
	in, path := r.spec.Tunnel, specPath.Child("tunnel")
	if in.Mode == v1alpha1.TunnelExisting {
		r.existingTunnel(path.Child("existing"), in.Existing)
	}
	if !r.runsTunnel() {
		return
	}
	t := &Tunnel{
		Mode:        in.Mode,
		Replicas:    *in.Replicas,
		Proxy:       in.RemoteProxy,
		Image:       r.imageFor("tunnel", r.spec.Images.Tunnel),
		PullPolicy:  r.m.PullPolicy,
		Env:         in.Env,
		Resources:   in.Resources,
		PodTemplate: in.PodTemplate,
		Budget:      *in.PodDisruptionBudget,
		EgressTo:    in.EgressTo,
	}
	if in.Mode == v1alpha1.TunnelOperator {
		r.operatorTunnel(path.Child("operator"), t)
	} else {
		r.standaloneTunnel(path, t)
	}
	r.atLeast(path.Child("replicas"), in.Replicas, 0)
	r.resources(path.Child("resources"), in.Resources)
	r.tunnelEnv(path.Child("env"), in.Env)
	r.remoteProxy(path.Child("remoteProxy"), in.RemoteProxy)
	r.egressRules(path.Child("egressTo"), in.EgressTo)
	r.podTemplate(path.Child("podTemplate"), in.PodTemplate, t.PodLabels)
	r.budget(path.Child("podDisruptionBudget"), t.Budget, int(t.Replicas))
	r.m.Tunnel = t
}

// existingTunnel is somebody else's: what it may reach, its credential and its budget are theirs to say.
func (r *resolver) existingTunnel(path *field.Path, e *v1alpha1.ExistingTunnel) {
	if e == nil {
		r.problem(diag.Required, path, "", "name the namespace, the podSelector and the name of that tunnel", "must be set while mode is Existing")
		return
	}
	r.required(path.Child("namespace"), e.Namespace, "the namespace of the tunnel's pods")
	r.label(path.Child("namespace"), e.Namespace, maxName)
	r.selector(path.Child("podSelector"), &e.PodSelector)
	if everything(&e.PodSelector) {
		r.problem(diag.BadPeer, path.Child("podSelector"), "", "name a label of the tunnel's pods", "must not be empty, which selects every pod of the namespace")
	}
	r.required(path.Child("name"), e.Name, "the tunnel's name; with an operator the uid of its RestateCloudEnvironment")
	if e.Name != "" {
		r.tunnelName(path.Child("name"), e.Name)
	}
	r.m.Tunnel = &Tunnel{Mode: v1alpha1.TunnelExisting, Namespace: e.Namespace, Pods: e.PodSelector, PodLabels: e.PodSelector.MatchLabels, Name: e.Name}
}

func (r *resolver) operatorTunnel(path *field.Path, t *Tunnel) {
	o := r.spec.Tunnel.Operator
	r.label(path.Child("namespace"), o.Namespace, maxName)
	if path := path.Child("resourceName"); o.ResourceName != r.in.Name {
		r.label(path, o.ResourceName, maxEnvironmentName)
	}
	if o.UID != "" && !uidPattern().MatchString(o.UID) {
		r.problem(diag.BadName, path.Child("uid"), o.UID, "kubectl get restatecloudenvironment "+o.ResourceName+" -o jsonpath={.metadata.uid} prints it", "must be a UID like 0b9e4f2e-2c1f-4c5b-9f0e-3a1d2c4b5e6f")
	}
	t.Name = o.UID
	t.Namespace = o.Namespace
	t.Environment = o.ResourceName
	t.PodLabels = map[string]string{labelName: tunnelClient, labelInstance: "tunnel-" + o.ResourceName}
	r.apiServer(path.Child("apiServer"), o.APIServer, t)
}

// apiServerPorts are those of the Service kubernetes and of the servers behind it (kubernetes.io/docs, ports and protocols): which of the two
// a policy sees depends on the network plugin.
var apiServerPorts = []int32{443, 6443}

// apiServer: only who knows the addresses of the API servers can close the operator's pods, which are nothing without them.
func (r *resolver) apiServer(path *field.Path, a *v1alpha1.APIServer, t *Tunnel) {
	if a == nil {
		return
	}
	if len(a.CIDRs) == 0 {
		r.problem(diag.Required, path.Child("cidrs"), "", "kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes prints them", "must have the addresses of the API servers")
	}
	for i, raw := range a.CIDRs {
		if prefix, ok := r.cidr(path.Child("cidrs").Index(i), raw); ok {
			t.APIServer = append(t.APIServer, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: prefix.String()}})
		}
	}
	t.APIServerPorts = apiServerPorts
	for i, port := range a.Ports {
		r.port(path.Child("ports").Index(i), port)
		t.APIServerPorts = sortedUnique(a.Ports)
	}
}

// uidPattern is the form in which the API server writes a UID (RFC 9562).
var uidPattern = newPattern(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// looksTyped matches what the tunnel client reads as a number or a boolean even when it is quoted (run: 123, 1.5, true; figment,
// value/parse.rs: a fraction may have an exponent, a whole number may not).
var looksTyped = newPattern(`^([+-]?[0-9]+|[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|true|false)$`)

// tunnelNamePattern is that of Restate's SDKs.
var tunnelNamePattern = newPattern(`^[A-Za-z0-9._-]+$`)

func (r *resolver) standaloneTunnel(path *field.Path, t *Tunnel) {
	t.Namespace = r.in.Namespace
	t.PodLabels = map[string]string{labelName: tunnelClient, labelInstance: r.m.objectName("tunnel", "")}
	name, cluster := r.spec.Tunnel.Name, r.spec.Cluster
	r.label(specPath.Child("cluster"), cluster, maxName)
	r.servicePrefix("in Standalone mode")
	switch {
	case name != "":
		r.tunnelName(path.Child("name"), name)
	case cluster == "":
		r.problem(diag.TunnelName, path.Child("name"), "", "set spec.cluster to a short name of this cluster, or spec.tunnel.name",
			"must be set, because tunnels of one name from two clusters are load-balanced as one")
	}
	if name == "" {
		name = limitName(cluster+"-"+r.in.Namespace+"-"+r.in.Name, maxName)
	}
	t.Name = name
}

// tunnelName is part of every registered URL.
func (r *resolver) tunnelName(path *field.Path, name string) {
	switch {
	case !tunnelNamePattern().MatchString(name):
		r.problem(diag.TunnelName, path, name, "", "must consist of letters, digits, -, _ or .")
	case looksTyped().MatchString(name):
		r.problem(diag.TunnelName, path, name, "add a letter: tunnel-"+strings.TrimLeft(name, "+-"), "must not read as a number or a boolean, which the tunnel client refuses even when quoted")
	case len(name) > maxName:
		r.problem(diag.TunnelName, path, name, "", "must be at most %d characters long, not %d", maxName, len(name))
	}
}

// servicePrefix checks a name that begins that of a Service, which must begin with a letter.
func (r *resolver) servicePrefix(when string) {
	path := field.NewPath("metadata", "name")
	already := func(d diag.Diagnostic) bool { return d.Code == diag.BadName && d.Path == path.String() }
	if r.in.Name != "" && r.in.Name[0] >= '0' && r.in.Name[0] <= '9' && !slices.ContainsFunc(r.ds, already) {
		r.problem(diag.BadName, path, r.in.Name, "", "must begin with a letter %s, where it begins the name of a Service", when)
	}
}

// tunnelVariables may be set by the user; RUST_ variables besides. Every other RESTATE_ variable is either set by the function,
// or would lead the Full-role key elsewhere (RESTATE_CLOUD_SUFFIX, RESTATE_TUNNEL_SERVERS).
var tunnelVariables = []string{
	"SSL_CERT_FILE", "RESTATE_CONNECT_TIMEOUT", "RESTATE_SHUTDOWN_TIMEOUT", "RESTATE_POOLS_PER_TUNNEL", "RESTATE_INITIAL_MAX_SEND_STREAMS",
	"RESTATE_HTTP_KEEP_ALIVE_OPTIONS__INTERVAL", "RESTATE_HTTP_KEEP_ALIVE_OPTIONS__TIMEOUT",
}

// durationPattern is the only form in which the client takes a duration (run: 5s and 3 end it with exit 1).
var durationPattern = newPattern(`^\{secs=([0-9]{1,9}),nanos=[0-9]{1,9}\}$`)

// wholeNumber is the form of the pool and stream counts.
var wholeNumber = newPattern(`^[1-9][0-9]{0,8}$`)

// maxShutdownSeconds keeps the client's own wait inside of the pod's grace period.
const maxShutdownSeconds = 300

func (r *resolver) tunnelEnv(path *field.Path, env []corev1.EnvVar) {
	r.env(path, env)
	for i, e := range env {
		p := path.Index(i)
		switch {
		case strings.HasPrefix(e.Name, "RUST_"):
		case !slices.Contains(tunnelVariables, e.Name):
			r.problem(diag.TunnelEnv, p.Child("name"), e.Name, "allowed are RUST_* and "+strings.Join(tunnelVariables, ", "), "must not be set here")
		case strings.HasSuffix(e.Name, "_TIMEOUT") || strings.HasSuffix(e.Name, "__INTERVAL"):
			r.tunnelDuration(p.Child("value"), e)
		case e.Name != "SSL_CERT_FILE" && e.ValueFrom == nil && !wholeNumber().MatchString(e.Value):
			r.problem(diag.TunnelEnv, p.Child("value"), "", "write a number like 16", "must be a whole number of at least 1")
		}
	}
}

func (r *resolver) tunnelDuration(path *field.Path, e corev1.EnvVar) {
	if e.ValueFrom != nil {
		return
	}
	match := durationPattern().FindStringSubmatch(e.Value)
	if match == nil {
		r.problem(diag.TunnelEnv, path, "", "write {secs=5,nanos=0}", "must be a duration in the form that the tunnel client reads")
		return
	}
	if seconds, _ := strconv.Atoi(match[1]); e.Name == "RESTATE_SHUTDOWN_TIMEOUT" && seconds > maxShutdownSeconds {
		r.problem(diag.OutOfRange, path, match[1], "", "must be at most %d seconds, because the pod is killed soon after", maxShutdownSeconds)
	}
}

// remoteProxy is closed unless somebody named who may use it.
func (r *resolver) remoteProxy(path *field.Path, p v1alpha1.RemoteProxy) {
	lists := []proxyPeers{{path.Child("allowFrom"), p.AllowFrom}, {path.Child("adminFrom"), p.AdminFrom}}
	for _, l := range lists {
		r.proxyPeers(l, p.Enabled)
	}
	if !p.Enabled {
		return
	}
	if len(p.AllowFrom) == 0 {
		r.problem(diag.ProxyUnguarded, path.Child("allowFrom"), "", "name the pods that may call without authentication", "must name at least one peer")
	}
	r.problem(diag.ProxyOpen, path.Child("enabled"), "true", "prefer the ingress URL with an Ingress-role key",
		"lets every peer in allowFrom act with the Full-role key and without authentication, and so does whoever may register a URL, because loopback is a legal tunnel destination")
}

// proxyPeers are those of one of the remote proxy's ports.
type proxyPeers struct {
	path  *field.Path
	peers []networkingv1.NetworkPolicyPeer
}

func (r *resolver) proxyPeers(l proxyPeers, enabled bool) {
	r.peers(l.path, l.peers)
	if !enabled && len(l.peers) > 0 {
		r.problem(diag.NoEffect, l.path, "", "set enabled: true, or remove it", "must not be set while the remote proxy is off")
	}
	for i, peer := range l.peers {
		if opensEverybody(peer) {
			r.problem(diag.ProxyUnguarded, l.path.Index(i), "", "name a namespace or pods", "must not select everybody")
		}
	}
}

func (r *resolver) podTemplate(path *field.Path, t v1alpha1.PodTemplate, selector map[string]string) {
	r.labels(path.Child("labels"), t.Labels)
	for _, key := range sortedKeys(t.Labels) {
		if _, selects := selector[key]; selects || strings.HasPrefix(key, annotationPrefix) {
			r.problem(diag.BadMetadata, entry(path.Child("labels"), key), "", "remove it", "is a label that selects the pods")
		}
	}
	r.commonAnnotations(path.Child("annotations"), t.Annotations)
	r.labels(path.Child("nodeSelector"), t.NodeSelector)
	r.securityContext(path.Child("securityContext"), t.SecurityContext)
}

// securityContext must not take back what the containers' own context promises.
func (r *resolver) securityContext(path *field.Path, c *corev1.PodSecurityContext) {
	if c == nil {
		return
	}
	if c.RunAsUser != nil && *c.RunAsUser == 0 {
		r.problem(diag.BadPodTemplate, path.Child("runAsUser"), "0", "leave it out, and the platform chooses", "must not be root")
	}
	if c.RunAsNonRoot != nil && !*c.RunAsNonRoot {
		r.problem(diag.BadPodTemplate, path.Child("runAsNonRoot"), "false", "leave it out", "must not be false")
	}
	if c.SeccompProfile != nil && c.SeccompProfile.Type == corev1.SeccompProfileTypeUnconfined {
		r.problem(diag.BadPodTemplate, path.Child("seccompProfile", "type"), string(c.SeccompProfile.Type), "use RuntimeDefault", "must not be Unconfined")
	}
	if p := c.AppArmorProfile; p != nil && p.Type == corev1.AppArmorProfileTypeUnconfined {
		r.problem(diag.BadPodTemplate, path.Child("appArmorProfile", "type"), string(p.Type), "use RuntimeDefault", "must not be Unconfined")
	}
	if c.SELinuxOptions != nil {
		r.problem(diag.BadPodTemplate, path.Child("seLinuxOptions"), "", "leave them to the platform", "must not be set: most do not pass Pod Security baseline")
	}
	if c.WindowsOptions != nil {
		r.problem(diag.BadPodTemplate, path.Child("windowsOptions"), "", "leave them out", "must not be set: the pods run on Linux")
	}
	if len(c.Sysctls) > 0 {
		r.problem(diag.BadPodTemplate, path.Child("sysctls"), "", "leave them out", "must be empty: most do not pass Pod Security restricted")
	}
}

// budget refuses one that blocks every node drain.
func (r *resolver) budget(path *field.Path, b v1alpha1.PodDisruptionBudget, replicas int) {
	if (b.MaxUnavailable == nil) == (b.MinAvailable == nil) {
		r.problem(diag.OutOfRange, path, "", "", "must have exactly one of maxUnavailable and minAvailable")
		return
	}
	if v := b.MaxUnavailable; v != nil {
		if n, ok := r.budgetValue(path.Child("maxUnavailable"), *v, max(replicas, 1)); ok && n == 0 {
			r.problem(diag.OutOfRange, path.Child("maxUnavailable"), v.String(), "use 1", "must allow at least 1 pod: 0 blocks every node drain")
		}
		return
	}
	if n, ok := r.budgetValue(path.Child("minAvailable"), *b.MinAvailable, replicas); ok && replicas > 1 && n >= replicas {
		r.problem(diag.OutOfRange, path.Child("minAvailable"), b.MinAvailable.String(), "", "must be less than replicas (%d), or every node drain is blocked", replicas)
	}
}

// budgetValue is the number of pods that a value means. Kubernetes rounds percentages up.
func (r *resolver) budgetValue(path *field.Path, v intstr.IntOrString, replicas int) (int, bool) {
	n, err := intstr.GetScaledValueFromIntOrPercent(&v, replicas, true)
	bad := err != nil || n < 0
	if v.Type == intstr.String {
		percent, _ := strconv.Atoi(strings.TrimSuffix(v.StrVal, "%"))
		bad = bad || len(validation.IsValidPercent(v.StrVal)) > 0 || percent > 100
	}
	if bad {
		r.problem(diag.OutOfRange, path, v.String(), "", "must be a number that is not negative, or a percentage up to 100%%")
	}
	return n, !bad
}
