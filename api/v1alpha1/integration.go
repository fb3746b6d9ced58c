// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RestateIntegration expands into everything that connects a cluster to one Restate Cloud environment: the tunnel, its
// credentials, default-deny network policies with exact allows, and the services behind it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,path=restateintegrations,singular=restateintegration
type RestateIntegration struct {
	metav1.TypeMeta `json:",inline"`
	// Name is a DNS-1123 label of at most 40 characters and part of every generated name. Namespace is where everything lives
	// that is not bound to another namespace. Both are required.
	metav1.ObjectMeta `json:"metadata"`

	Spec RestateIntegrationSpec `json:"spec"`
}

// RestateIntegrationSpec is the whole of what a user decides.
type RestateIntegrationSpec struct {
	// Cloud names the Restate Cloud environment.
	Cloud Cloud `json:"cloud"`
	// Cluster is a short name of this Kubernetes cluster. It becomes part of the Standalone tunnel's name, because tunnels of
	// one name from two clusters are load-balanced as one.
	// +optional
	Cluster string `json:"cluster,omitempty"`
	// ClusterDomain is the cluster's DNS domain, part of every registered URL.
	// +optional
	// +kubebuilder:default="cluster.local"
	ClusterDomain string `json:"clusterDomain,omitempty"`
	// DeletionPolicy says what happens to the RestateCloudEnvironment and the Namespace when the spec no longer yields them.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// Namespace says whether metadata.namespace is created here, and how strict it is.
	// +optional
	// +kubebuilder:default={}
	Namespace Namespace `json:"namespace,omitempty"`
	// Labels are set on every object but the RestateCloudEnvironment and passed-through Secrets, never in selectors.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are set where labels are.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// GitOps names the tool that applies the output.
	// +optional
	// +kubebuilder:default={}
	GitOps GitOps `json:"gitops,omitempty"`
	// Images overrides the images that the function writes.
	// +optional
	// +kubebuilder:default={}
	Images Images `json:"images,omitempty"`
	// Credentials has one Secret reference per role, so that a key is never used for two.
	// +optional
	// +kubebuilder:default={}
	Credentials Credentials `json:"credentials,omitempty"`
	// Secrets says how encrypted Secrets are checked and delivered.
	// +optional
	// +kubebuilder:default={}
	Secrets Secrets `json:"secrets,omitempty"`
	// Tunnel connects the cluster to Restate Cloud by outgoing connections alone.
	// +optional
	// +kubebuilder:default={}
	Tunnel Tunnel `json:"tunnel,omitempty"`
	// Services that Restate Cloud calls through the tunnel, by a name of their own.
	// +optional
	Services map[string]Service `json:"services,omitempty"`
	// WasmCloud has the wasmCloud handlers that services call.
	// +optional
	WasmCloud *WasmCloud `json:"wasmcloud,omitempty"`
	// NATS has the account and the event bridge.
	// +optional
	NATS *NATS `json:"nats,omitempty"`
	// Gateway lets callers outside of the cluster reach Restate Cloud where a tunnel does not fit.
	// +optional
	Gateway *Gateway `json:"gateway,omitempty"`
	// NetworkPolicy has the baseline, DNS and the addresses of Restate Cloud.
	// +optional
	// +kubebuilder:default={}
	NetworkPolicy NetworkPolicy `json:"networkPolicy,omitempty"`
	// Observability adds monitors, rules, a dashboard and trace export.
	// +optional
	// +kubebuilder:default={}
	Observability Observability `json:"observability,omitempty"`
	// Patches change generated objects, after they were built and before their references are checked.
	// +optional
	Patches []Patch `json:"patches,omitempty"`
}

// DeletionPolicy says what happens to an object that must not vanish by accident.
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// Retain keeps the object with a warning, Delete removes it.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// Values lists what is allowed.
func (DeletionPolicy) Values() []string { return []string{"Retain", "Delete"} }

// Namespace describes the namespace in metadata.namespace.
type Namespace struct {
	// Create makes the Namespace object part of the output.
	// +optional
	Create bool `json:"create,omitempty"`
	// PodSecurity is the Pod Security level that the created namespace enforces, audits and warns on.
	// +optional
	// +kubebuilder:default=restricted
	PodSecurity PodSecurityLevel `json:"podSecurity,omitempty"`
}

// PodSecurityLevel is a level of the Kubernetes Pod Security Standards.
// +kubebuilder:validation:Enum=restricted;baseline;privileged
type PodSecurityLevel string

// The levels, strictest first (kubernetes.io/docs/concepts/security/pod-security-standards).
const (
	PodSecurityRestricted PodSecurityLevel = "restricted"
	PodSecurityBaseline   PodSecurityLevel = "baseline"
	PodSecurityPrivileged PodSecurityLevel = "privileged"
)

// Values lists what is allowed.
func (PodSecurityLevel) Values() []string { return []string{"restricted", "baseline", "privileged"} }

// GitOps names the tool that applies the output.
type GitOps struct {
	// Tool decides whose ordering annotations are emitted; the protective ones are always there.
	// +optional
	// +kubebuilder:default=Any
	Tool GitOpsTool `json:"tool,omitempty"`
}

// GitOpsTool is a tool that applies manifests.
// +kubebuilder:validation:Enum=Any;ArgoCD;Flux;Kpt
type GitOpsTool string

// The tools. Any emits no ordering annotation; nor does Flux, which has none.
const (
	GitOpsAny    GitOpsTool = "Any"
	GitOpsArgoCD GitOpsTool = "ArgoCD"
	GitOpsFlux   GitOpsTool = "Flux"
	GitOpsKpt    GitOpsTool = "Kpt"
)

// Values lists what is allowed.
func (GitOpsTool) Values() []string {
	return []string{string(GitOpsAny), string(GitOpsArgoCD), string(GitOpsFlux), string(GitOpsKpt)}
}

// Images overrides images: each is repository:tag, repository@digest or repository:tag@digest.
type Images struct {
	// Registry is a mirror that stands in front of every image's own registry.
	// +optional
	Registry string `json:"registry,omitempty"`
	// PullSecrets are names of Secrets in each namespace that runs a pod of ours.
	// +optional
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// PullPolicy of every container that the function writes; empty leaves it to Kubernetes.
	// +optional
	PullPolicy PullPolicy `json:"pullPolicy,omitempty"`
	// Tunnel is the tunnel client's image.
	// +optional
	Tunnel string `json:"tunnel,omitempty"`
	// Envoy is the gateway's image.
	// +optional
	Envoy string `json:"envoy,omitempty"`
	// Bento is the bridge's image.
	// +optional
	Bento string `json:"bento,omitempty"`
	// RestateCLI is the registration Job's image.
	// +optional
	RestateCLI string `json:"restateCli,omitempty"`
}

// PullPolicy is a Kubernetes image pull policy.
// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
type PullPolicy string

// Values lists what is allowed.
func (PullPolicy) Values() []string { return []string{"Always", "IfNotPresent", "Never"} }

// Patch changes generated objects.
type Patch struct {
	// Target selects objects; a patch that matches none is an error.
	Target PatchTarget `json:"target"`
	// Patch is a strategic merge patch, or a list of JSON 6902 operations, as YAML text.
	Patch string `json:"patch"`
}

// PatchTarget selects generated objects; an empty field matches all.
type PatchTarget struct {
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
	// Component is the part of the function that made the object: namespace, baseline, tunnel, endpoints or service.
	// +optional
	Component string `json:"component,omitempty"`
}
