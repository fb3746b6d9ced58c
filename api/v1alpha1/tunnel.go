// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Tunnel connects the cluster to Restate Cloud.
type Tunnel struct {
	// Mode is Operator for a RestateCloudEnvironment that Restate's operator runs, Standalone for a Deployment without the
	// operator, Existing for somebody else's tunnel, None for no tunnel.
	// +optional
	// +kubebuilder:default=Operator
	Mode TunnelMode `json:"mode,omitempty"`
	// Name of the tunnel in Standalone mode, part of every registered URL. Default: <cluster>-<namespace>-<name>; without
	// cluster it must be given. In Operator mode it is the uid of the RestateCloudEnvironment.
	// +optional
	Name string `json:"name,omitempty"`
	// Replicas of the tunnel client, load-balanced by Restate Cloud.
	// +optional
	// +kubebuilder:default=2
	Replicas *int32 `json:"replicas,omitempty"`
	// RemoteProxy opens Restate's ingress and admin API inside of the cluster, without authentication.
	// +optional
	// +kubebuilder:default={}
	RemoteProxy RemoteProxy `json:"remoteProxy,omitempty"`
	// EgressTo adds egress rules to the tunnel's policy: services that other packages register through this tunnel.
	// +optional
	EgressTo []networkingv1.NetworkPolicyEgressRule `json:"egressTo,omitempty"`
	// Resources of the tunnel client. Default: requests 100m CPU and 128Mi, limits 1 CPU and 512Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// Env adds environment variables of the tunnel client: RUST_*, SSL_CERT_FILE, and its timeouts, pools and keep-alives.
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
	// PodTemplate adds to the tunnel's pods. What the operator's CRD cannot carry is refused in Operator mode.
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// PodDisruptionBudget of the tunnel; none is made for fewer than two replicas. Default: maxUnavailable 1.
	// +optional
	PodDisruptionBudget *PodDisruptionBudget `json:"podDisruptionBudget,omitempty"`
	// Operator says where Restate's operator runs.
	// +optional
	// +kubebuilder:default={}
	Operator Operator `json:"operator,omitempty"`
	// Existing describes somebody else's tunnel.
	// +optional
	Existing *ExistingTunnel `json:"existing,omitempty"`
}

// TunnelMode says who runs the tunnel.
// +kubebuilder:validation:Enum=Operator;Standalone;Existing;None
type TunnelMode string

// The modes.
const (
	TunnelOperator   TunnelMode = "Operator"
	TunnelStandalone TunnelMode = "Standalone"
	TunnelExisting   TunnelMode = "Existing"
	TunnelNone       TunnelMode = "None"
)

// Values lists what is allowed.
func (TunnelMode) Values() []string { return []string{"Operator", "Standalone", "Existing", "None"} }

// RemoteProxy opens two unauthenticated ports on the tunnel's pods that act with the Full-role key: 8080 for the ingress, 9070
// for the admin API.
type RemoteProxy struct {
	// Enabled opens the ports to the peers below, and to nobody else.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// AllowFrom may call the ingress on port 8080. At least one is needed.
	// +optional
	AllowFrom []networkingv1.NetworkPolicyPeer `json:"allowFrom,omitempty"`
	// AdminFrom may call the admin API on port 9070.
	// +optional
	AdminFrom []networkingv1.NetworkPolicyPeer `json:"adminFrom,omitempty"`
}

// PodTemplate adds to the pods of a workload that the function writes.
type PodTemplate struct {
	// Labels of the pods, besides those that select them.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the pods.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// NodeSelector limits the pods to nodes with these labels.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations let the pods onto tainted nodes.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity is that of Kubernetes; its schema is left out of the CRD, where it would stand five times.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// TopologySpreadConstraints replace the default spread over hosts and zones. One without labelSelector gets that of the pods.
	// +optional
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// PriorityClassName of the pods.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// SecurityContext replaces the pod's security context; it must still pass Pod Security restricted.
	// +optional
	SecurityContext *corev1.PodSecurityContext `json:"securityContext,omitempty"`
	// DNSConfig adds to the pods' resolv.conf.
	// +optional
	DNSConfig *corev1.PodDNSConfig `json:"dnsConfig,omitempty"`
}

// PodDisruptionBudget sets one of the two.
type PodDisruptionBudget struct {
	// MaxUnavailable pods during a node drain, a number of at least 1 or a percentage.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// MinAvailable pods during a node drain, a number below replicas or a percentage.
	// +optional
	MinAvailable *intstr.IntOrString `json:"minAvailable,omitempty"`
}

// Operator says where Restate's operator runs.
type Operator struct {
	// Namespace of the operator: the tunnel's pods and its Secret live there.
	// +optional
	// +kubebuilder:default=restate-operator
	Namespace string `json:"namespace,omitempty"`
	// ResourceName is the name of the RestateCloudEnvironment. Default: metadata.name. Changing it orphans every registered URL.
	// +optional
	ResourceName string `json:"resourceName,omitempty"`
	// UID of the RestateCloudEnvironment, known after it was first applied: it is the tunnel's name, and lets a Job register services
	// that the operator does not run. kubectl get restatecloudenvironment <name> -o jsonpath={.metadata.uid} prints it.
	// +optional
	UID string `json:"uid,omitempty"`
	// APIServer names the Kubernetes API servers; only then the operator's own pods get a policy.
	// +optional
	APIServer *APIServer `json:"apiServer,omitempty"`
}

// APIServer names the addresses of the Kubernetes API servers.
type APIServer struct {
	CIDRs []string `json:"cidrs"`
	// +optional
	Ports []int32 `json:"ports,omitempty"`
}

// ExistingTunnel describes a tunnel that somebody else runs.
type ExistingTunnel struct {
	Namespace   string               `json:"namespace"`
	PodSelector metav1.LabelSelector `json:"podSelector"`
	// Name of the tunnel, part of every registered URL.
	Name string `json:"name"`
}
