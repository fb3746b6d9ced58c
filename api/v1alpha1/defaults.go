// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Ports of Restate Cloud and of the pods that run for it.
const (
	// CloudIngressPort and CloudAdminPort are the ports of <id>.env.<region>.restate.cloud (tunnel client, options.rs).
	CloudIngressPort = "8080"
	CloudAdminPort   = "9070"
	// ServicePort is what the operator gives every Service that it makes, and the default of Restate's SDKs.
	ServicePort int32 = 9080
)

// Facts of wasmCloud v2 hosts (github.com/wasmCloud/wasmCloud, charts/runtime-operator): the label of every host group's pods, and
// the port of their HTTP server.
const (
	WasmCloudHostLabel       = "wasmcloud.com/name"
	WasmCloudHostValue       = "hostgroup"
	wasmCloudPort      int32 = 9191
)

// OperatorNamespace is where the Helm chart of Restate's operator is installed (restate-operator, README).
const OperatorNamespace = "restate-operator"

// LabelName is the recommended label that selects the pods of a service.
const LabelName = "app.kubernetes.io/name"

// Default fills in every default of the blocks that are present. It is idempotent, and never changes what is set.
func Default(in *RestateIntegration) {
	s := &in.Spec
	defaultCloud(&s.Cloud)
	set(&s.ClusterDomain, "cluster.local")
	set(&s.DeletionPolicy, DeletionRetain)
	set(&s.Namespace.PodSecurity, PodSecurityRestricted)
	set(&s.GitOps.Tool, GitOpsAny)
	s.Credentials = s.Credentials.Defaulted()
	defaultSecrets(&s.Secrets)
	defaultTunnel(&s.Tunnel, in.Name)
	for key, svc := range s.Services {
		defaultService(&svc, key)
		s.Services[key] = svc
	}
	defaultWasmCloud(s.WasmCloud)
	defaultNATS(s.NATS)
	defaultGateway(s.Gateway)
	defaultNetworkPolicy(s)
	if o := s.Observability.OTLP; o != nil {
		setPtr(&o.SamplingPercent, 10)
	}
	if s.Observability.ScrapeFrom == nil {
		s.Observability.ScrapeFrom = &networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "monitoring"}},
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{LabelName: "prometheus"}},
		}
	}
}

// set gives *p the value when it is empty.
func set[T ~string](p *T, value T) {
	if *p == "" {
		*p = value
	}
}

// setPtr gives *p the value when it is nil.
func setPtr[T any](p **T, value T) {
	if *p == nil {
		*p = ptr.To(value)
	}
}

func defaultCloud(c *Cloud) {
	if c.EnvironmentID == "" || c.Region == "" {
		return // nothing to derive from; both are required
	}
	host := (&url.URL{Scheme: "https", Host: c.ID() + ".env." + c.Region + ".restate.cloud"}).String()
	set(&c.IngressURL, host+":"+CloudIngressPort)
	set(&c.AdminURL, host+":"+CloudAdminPort)
}

// ID is the environment id without its prefix env_: the form that stands in URLs.
func (c Cloud) ID() string { return strings.TrimPrefix(c.EnvironmentID, "env_") }

// Defaulted returns the credentials with their defaults filled in.
func (c Credentials) Defaulted() Credentials {
	for _, d := range []struct {
		credential *Credential
		name, key  string
	}{
		{&c.Tunnel, "restate-identity", "token"},
		{&c.Ingress, "restate-ingress", "token"},
		{&c.Admin, "restate-admin", "token"},
		{&c.NATS.Credential, "restate-nats", "nats.nk"},
	} {
		d.credential.Default(d.name, d.key)
	}
	set(&c.NATS.Type, "NKey")
	return c
}

// Default fills in what the credential leaves out.
func (c *Credential) Default(name, key string) {
	set(&c.Name, name)
	set(&c.Key, key)
	set(&c.Source, SourceSOPS)
}

func defaultSecrets(s *Secrets) {
	set(&s.Delivery, DeliveryPassThrough)
	setPtr(&s.RequireMACOnlyEncrypted, true)
	setPtr(&s.MaxAge, metav1.Duration{Duration: 90 * 24 * time.Hour})
}

// defaultResources are those of each container that runs for good: the tunnel client, a service, the bridge.
func defaultResources() *corev1.ResourceRequirements {
	return &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("512Mi")},
	}
}

func defaultTunnel(t *Tunnel, name string) {
	set(&t.Mode, TunnelOperator)
	setPtr(&t.Replicas, 2)
	if t.Resources == nil {
		t.Resources = defaultResources()
	}
	if t.PodDisruptionBudget == nil {
		t.PodDisruptionBudget = &PodDisruptionBudget{MaxUnavailable: ptr.To(intstr.FromInt32(1))}
	}
	set(&t.Operator.Namespace, OperatorNamespace)
	set(&t.Operator.ResourceName, name)
}

func defaultService(s *Service, key string) {
	set(&s.Service, key)
	setPtr(&s.Port, ServicePort)
	set(&s.Scheme, SchemeHTTP)
	if s.PodSelector == nil {
		s.PodSelector = &metav1.LabelSelector{MatchLabels: map[string]string{LabelName: key}}
	}
	set(&s.Registration.Mode, RegistrationAuto)
	if d := s.Deployment; d != nil {
		defaultDeployment(d, s)
	}
	setPtr(&s.TargetPort, *s.Port)
}

func defaultWasmCloud(w *WasmCloud) {
	if w == nil {
		return
	}
	for key, h := range w.Handlers {
		set(&h.Service, key)
		setPtr(&h.Port, 80)
		setPtr(&h.TargetPort, wasmCloudPort)
		if h.PodSelector == nil {
			h.PodSelector = &metav1.LabelSelector{MatchLabels: map[string]string{WasmCloudHostLabel: WasmCloudHostValue}}
		}
		w.Handlers[key] = h
	}
}

func defaultNATS(n *NATS) {
	if n == nil {
		return
	}
	if n.Servers == nil {
		n.Servers = []string{"nats://nats.nats.svc:4222"}
	}
	if n.PodSelector == nil { // github.com/nats-io/k8s, helm/charts/nats
		n.PodSelector = &metav1.LabelSelector{MatchLabels: map[string]string{LabelName: "nats", "app.kubernetes.io/component": "nats"}}
	}
	a := &n.Account
	set(&a.Name, "RESTATE")
	set(&a.Mode, AccountServerConfig)
	if a.Subjects == nil {
		a.Subjects = []string{"restate.events.*", "workflow.outbox.*"}
	}
	set(&a.InboxPrefix, "_INBOX_restate")
	connections, consumers := int64(16), int64(4) // of users and NACK; to read the dead letters
	if b := n.Bridge; b != nil {
		defaultBridge(b)
		connections += b.Connections()
		consumers += int64(len(b.Routes))
	}
	setPtr(&a.Limits.Connections, connections)
	setPtr(&a.Limits.Subscriptions, 128)
	setPtr(&a.Limits.Payload, 65536)
	setPtr(&a.Limits.LeafNodes, 0)
	for key, p := range a.Peers {
		set(&p.Managed, PeerExternal)
		a.Peers[key] = p
	}
	if j := n.JetStream; j != nil {
		defaultJetStream(j, n.Bridge)
		setPtr(&j.Limits.Consumers, consumers)
	}
}

func defaultBridge(b *Bridge) {
	if b.Resources == nil {
		b.Resources = defaultResources()
	}
	setPtr(&b.Replicas, 2)
	setPtr(&b.MaxEventAge, metav1.Duration{Duration: 30 * time.Minute})
	setPtr(&b.IdleExit, metav1.Duration{Duration: 15 * time.Minute})
}

// defaultJetStream stores what the bridge delivers, and nothing else: an event that no consumer takes would stay until it is too old.
func defaultJetStream(j *JetStream, b *Bridge) {
	set(&j.Stream, "RESTATE_EVENTS")
	set(&j.DeadLetterStream, "RESTATE_DLQ")
	setPtr(&j.Replicas, 3)
	setPtr(&j.MaxAge, metav1.Duration{Duration: 23 * time.Hour})
	setPtr(&j.DuplicateWindow, metav1.Duration{Duration: 2 * time.Minute})
	if j.Subjects == nil && b != nil {
		for _, route := range b.Routes {
			j.Subjects = append(j.Subjects, route.Subject)
		}
		slices.Sort(j.Subjects)
		j.Subjects = slices.Compact(j.Subjects)
	}
	if j.Limits == nil {
		j.Limits = &JetStreamLimits{}
	}
	setPtr(&j.Limits.File, 1<<30)
	setPtr(&j.Limits.Memory, 0)
	setPtr(&j.Limits.Streams, 2)
}

func defaultDeployment(d *Deployment, s *Service) {
	setPtr(&d.Replicas, 1)
	set(&d.TunnelMode, TunnelModeExternal)
	if d.Template != nil && s.TargetPort == nil {
		s.TargetPort = ptr.To(OperatorTargetPort(d.Template.Spec))
	}
	if d.Template == nil && d.Resources == nil {
		d.Resources = defaultResources()
	}
}

// ServicePortName is the container port that the operator's Service leads to (restate-operator, service.rs).
const ServicePortName = "restate"

// OperatorTargetPort is the pod port that the operator's Service leads to: the container port named restate, else the first
// one, else 9080 (restate-operator, service.rs).
func OperatorTargetPort(spec corev1.PodSpec) int32 {
	first := int32(0)
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			if p.Name == ServicePortName {
				return p.ContainerPort
			}
			if first == 0 {
				first = p.ContainerPort
			}
		}
	}
	if first == 0 {
		return ServicePort
	}
	return first
}

// publicCIDRs is the public IPv4 space in two halves, because AWS's VPC CNI gives 0.0.0.0/0 a meaning of its own
// (restate-operator, network_policies.rs).
var publicCIDRs = []string{"0.0.0.0/1", "128.0.0.0/1"}

// privateCIDRs are ranges of IPv4 that are not Restate Cloud: RFC 1918, RFC 6598 (shared), loopback, link-local with the cloud
// metadata servers, the Azure host 168.63.129.16, RFC 2544 (benchmark) and RFC 1112 (reserved).
var privateCIDRs = []string{
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "240.0.0.0/4",
}

// PublicIPv4 has the public addresses of IPv4, as spec.networkPolicy.restateCloud has them by default.
func PublicIPv4() RestateCloud {
	return RestateCloud{CIDRs: append([]string(nil), publicCIDRs...), Except: append([]string(nil), privateCIDRs...)}
}

func defaultNetworkPolicy(s *RestateIntegrationSpec) {
	p := &s.NetworkPolicy
	if s.Namespace.Create {
		set(&p.Baseline, BaselineNamespace)
	}
	set(&p.Baseline, BaselineOwned)
	set(&p.DNS.Profile, DNSKubernetes)
	public := PublicIPv4()
	if len(p.RestateCloud.CIDRs) == 0 && !s.Cloud.BYOC() {
		p.RestateCloud.CIDRs = public.CIDRs
	}
	if p.RestateCloud.Except == nil {
		p.RestateCloud.Except = public.Except
	}
}

// BYOC reports whether the region is in the user's own cloud account.
func (c Cloud) BYOC() bool { return strings.HasSuffix(c.Region, ".byoc") }
