// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Model is a valid spec with every default filled in and every reference resolved. Components render it and cannot fail.
type Model struct {
	Name, Namespace     string
	Labels, Annotations map[string]string
	Cloud               v1alpha1.Cloud
	ClusterDomain       string
	Retain              bool
	GitOps              v1alpha1.GitOpsTool
	// PullPolicy of every container, empty for the default of Kubernetes.
	PullPolicy string
	// PullSecrets of every pod.
	PullSecrets   []string
	NamespaceSpec v1alpha1.Namespace
	// Tunnel is nil in mode None.
	Tunnel *Tunnel
	// Services are sorted by key.
	Services []Service
	// Handlers of wasmCloud are sorted by key.
	Handlers []Handler
	// NATS is nil when the spec has no NATS.
	NATS *NATS
	// Gateway is nil when the spec has none.
	Gateway *Gateway
	// Registration is nil when no service is registered by a Job.
	Registration *Registration
	// Credentials by role, for the roles that Roles lists.
	Credentials map[string]Credential
	Policy      Policy
}

// Credential is one role's key.
type Credential struct {
	Secret secretKeyRef
	// Digests has for each namespace what changes with the key; empty when that cannot be known.
	Digests map[string]string
}

// Owner is the value of the owned-by annotation.
func (m Model) Owner() string { return m.Namespace + "/" + m.Name }

// Tunnel is a tunnel that this integration runs or, in mode Existing, that others run.
type Tunnel struct {
	Mode v1alpha1.TunnelMode
	// Namespace and PodLabels are where the pods run and what selects them. Pods is the whole selector in mode Existing.
	Namespace string
	PodLabels map[string]string
	Pods      metav1.LabelSelector
	// APIServer and its ports are open to the operator's own pods; without addresses these have no policy.
	APIServer      []networkingv1.NetworkPolicyPeer
	APIServerPorts []int32
	// Environment is the name of the RestateCloudEnvironment, empty in Standalone mode.
	Environment string
	// Name is the tunnel's name in registered URLs: in Operator mode the uid of the environment, empty while that is not known.
	Name        string
	Replicas    int32
	Proxy       v1alpha1.RemoteProxy
	Image       string
	PullPolicy  string
	Env         []corev1.EnvVar
	Resources   *corev1.ResourceRequirements
	PodTemplate v1alpha1.PodTemplate
	Budget      v1alpha1.PodDisruptionBudget
	EgressTo    []networkingv1.NetworkPolicyEgressRule
}

// Service is one service behind the tunnel.
type Service struct {
	Key string
	v1alpha1.Service
	// Isolated and ClosedEgress say which directions of the pods' traffic a policy closes.
	Isolated, ClosedEgress bool
	// Labels select the pods, for services whose selector has matchLabels alone.
	Labels map[string]string
	// ByJob says that a Job registers the service.
	ByJob bool
	// Calls are the wasmCloud handlers that the service uses, sorted by key.
	Calls []Handler
}

// InProcess reports whether the service dials Restate Cloud itself.
func (s Service) InProcess() bool {
	return s.Deployment != nil && s.Deployment.TunnelMode == v1alpha1.TunnelModeInProcess
}

// Handler is a wasmCloud HTTP handler.
type Handler struct {
	Key string
	v1alpha1.WasmCloudHandler
}

// Hosts are the pods that the handler runs in.
func (h Handler) Hosts() networkingv1.NetworkPolicyPeer { return podsIn(h.Namespace, *h.PodSelector) }

// NATS says where the servers are.
type NATS struct {
	// URL has every server, separated by commas.
	URL string
	// Servers are the pods behind the URLs, each namespace and port once.
	Servers []NATSServer
	// Namespace is that of the first server, where the account belongs.
	Namespace string
	TLS       *v1alpha1.NATSTLS
	// Account is nil when it would have no user.
	Account   *v1alpha1.NATSAccount
	JetStream *v1alpha1.JetStream
	// Users are those of the account, the generated ones too, sorted by name.
	Users  []NATSUser
	Bridge *Bridge
	// JWT is the account in mode JWT.
	JWT *AccountJWT
}

// AccountJWT is an account that an operator signed. It holds no secret.
type AccountJWT struct {
	// Subject is the account's public key.
	Subject, Token string
}

// NATSUser is one user of the account.
type NATSUser struct {
	Name       string
	PublicKeys []string
	Publish    []string
	// Subscribe has the inbox as well.
	Subscribe []string
	// Answers says that the user gets requests, which it may answer.
	Answers bool
}

// Bridge sends events to Restate Cloud.
type Bridge struct {
	v1alpha1.Bridge
	Image string
	Creds bool // a creds file instead of an nkey seed
	// Routes are sorted by name.
	Routes []Route
}

// Route is one of the bridge's, under the name that it has in the spec.
type Route struct {
	Name string
	v1alpha1.Route
}

// NATSServer is where a URL leads to.
type NATSServer struct {
	Peer networkingv1.NetworkPolicyPeer
	Port int32
}

// Gateway is what the gateways of all domains share.
type Gateway struct {
	v1alpha1.Gateway
	Image string
	// Domains are sorted by key. Without domains there is one, whose key is empty.
	Domains []GatewayDomain
	// Clients may connect; ClientSANs are the DNS names of their certificates.
	Clients    []networkingv1.NetworkPolicyPeer
	ClientSANs []string
	// UpstreamHost and UpstreamPort are the ingress of Restate Cloud.
	UpstreamHost string
	UpstreamPort int32
	// Threads and HeapBytes are Envoy's own limits, from those of its container.
	Threads, HeapBytes int64
	// OTLP is nil without export of traces.
	OTLP *Collector
}

// GatewayDomain is one gateway.
type GatewayDomain struct {
	Key, Host string
	Services  []string
	APIKeys   *secretKeyRef
	JWT       *GatewayJWT
	RateLimit v1alpha1.GatewayRateLimit
	// Role has the key for Restate in Model.Credentials.
	Role string
}

// GatewayJWT says whose tokens are accepted, and where their keys are.
type GatewayJWT struct {
	v1alpha1.GatewayJWT
	Host  string
	Port  int32
	Peers []networkingv1.NetworkPolicyPeer
}

// Collector of traces.
type Collector struct {
	Host            string
	Port            int32
	SamplingPercent int32
	Peer            networkingv1.NetworkPolicyPeer
}

// Registration is what the Jobs share that register services.
type Registration struct {
	Image string
}

// Policy is what the network policies share.
type Policy struct {
	Baseline v1alpha1.Baseline
	// DNS opens the cluster's DNS servers.
	DNS networkingv1.NetworkPolicyEgressRule
	// Cloud are the addresses of Restate Cloud.
	Cloud       []networkingv1.NetworkPolicyPeer
	TunnelPorts []int32
	Scraper     networkingv1.NetworkPolicyPeer
}

// TunnelID is what Restate Cloud knows a standalone tunnel by; empty for every other, whose name is not the function's to give.
func (m Model) TunnelID() string {
	if m.Tunnel == nil || m.Tunnel.Mode != v1alpha1.TunnelStandalone {
		return ""
	}
	return m.Cloud.EnvironmentID + "/" + m.Tunnel.Name
}

// Peer is the tunnel's pods.
func (t *Tunnel) Peer() networkingv1.NetworkPolicyPeer {
	if t.Mode == v1alpha1.TunnelExisting {
		return podsIn(t.Namespace, t.Pods)
	}
	return podsIn(t.Namespace, matchLabels(t.PodLabels))
}

// tunnelLabels are all labels of a standalone tunnel's pods. The operator's pods lack that of the integration.
func (m Model) tunnelLabels(t *Tunnel) map[string]string {
	return merged(t.PodTemplate.Labels, t.PodLabels, map[string]string{labelIntegration: m.Name})
}

// ownPods reports whether pods of the function's own workloads run in the integration's namespace.
func (m Model) ownPods() bool {
	return m.Tunnel != nil && m.Tunnel.Mode == v1alpha1.TunnelStandalone || m.Registration != nil || m.Gateway != nil || m.NATS != nil && m.NATS.Bridge != nil
}
