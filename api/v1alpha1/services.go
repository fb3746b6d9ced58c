// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Service is an HTTP endpoint in the cluster that Restate Cloud calls through the tunnel.
type Service struct {
	// Namespace in which the service runs.
	Namespace string `json:"namespace"`
	// Service is the name of the Kubernetes Service. Default: the key of this entry. With deployment the operator names it.
	// +optional
	Service string `json:"service,omitempty"`
	// Port of the Service, part of the registered URL.
	// +optional
	// +kubebuilder:default=9080
	Port *int32 `json:"port,omitempty"`
	// TargetPort is the port that the pod listens on, used in network policies. Default: port.
	// +optional
	TargetPort *int32 `json:"targetPort,omitempty"`
	// Scheme is http for HTTP/2 without TLS, https for TLS.
	// +optional
	// +kubebuilder:default=http
	Scheme Scheme `json:"scheme,omitempty"`
	// Path below the Service, part of the registered URL, without slash at either end.
	// +optional
	Path string `json:"path,omitempty"`
	// UseHTTP11 is for endpoints that do not speak HTTP/2.
	// +optional
	UseHTTP11 bool `json:"useHTTP11,omitempty"`
	// PodSelector selects the service's pods. Default: matchLabels {app.kubernetes.io/name: <key>}.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// Isolate closes the pods to everybody but the tunnel, allowFrom and the metrics scraper. Default: true with deployment or
	// where the baseline closes the namespace, else false.
	// +optional
	Isolate *bool `json:"isolate,omitempty"`
	// AllowFrom may call the service besides the tunnel. A peer with a podSelector alone means pods of the service's namespace.
	// +optional
	AllowFrom []networkingv1.NetworkPolicyPeer `json:"allowFrom,omitempty"`
	// EgressTo closes the pods' egress to everything but DNS and these rules.
	// +optional
	EgressTo []networkingv1.NetworkPolicyEgressRule `json:"egressTo,omitempty"`
	// MetricsPort is opened to observability.scrapeFrom.
	// +optional
	MetricsPort int32 `json:"metricsPort,omitempty"`
	// Uses declares what the service calls.
	// +optional
	// +kubebuilder:default={}
	Uses Uses `json:"uses,omitempty"`
	// Deployment lets Restate's operator run and register the service.
	// +optional
	Deployment *Deployment `json:"deployment,omitempty"`
	// Registration says who registers the service with Restate Cloud.
	// +optional
	// +kubebuilder:default={}
	Registration Registration `json:"registration,omitempty"`
}

// Scheme of a service's URL.
// +kubebuilder:validation:Enum=http;https
type Scheme string

// The schemes.
const (
	SchemeHTTP  Scheme = "http"
	SchemeHTTPS Scheme = "https"
)

// Values lists what is allowed.
func (Scheme) Values() []string { return []string{"http", "https"} }

// Uses declares what a service calls: egress rules, endpoint variables and, with deployment, the mounted credential.
type Uses struct {
	// Restate opens the ingress URL of Restate Cloud. With deployment the pods get RESTATE_INGRESS_URL, and the Ingress-role key of
	// credentials.ingress in the file named by RESTATE_INGRESS_TOKEN_FILE.
	// +optional
	Restate bool `json:"restate,omitempty"`
	// NATS opens the servers of spec.nats. With deployment the pods get NATS_URL.
	// +optional
	NATS bool `json:"nats,omitempty"`
	// Handlers are keys of wasmcloud.handlers, each opened on its hosts' port. With deployment the pods get WASMCLOUD_<KEY>_URL.
	// +optional
	Handlers []string `json:"handlers,omitempty"`
}

// Deployment becomes a RestateDeployment: the operator runs each version as long as invocations need it.
type Deployment struct {
	// Image is the short form: one container that listens on targetPort. Either image or template.
	// +optional
	Image string `json:"image,omitempty"`
	// Template is the whole pod template. What it leaves open is filled in as far as Pod Security restricted, readiness and spread
	// need it; what it says is never changed. Either image or template.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Template *corev1.PodTemplateSpec `json:"template,omitempty"`
	// Replicas of the newest version.
	// +optional
	// +kubebuilder:default=1
	Replicas *int32 `json:"replicas,omitempty"`
	// Env of the container, with image only. It wins over the variables of uses.
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
	// Resources of the container, with image only. Default: requests 100m CPU and 128Mi, limits 1 CPU and 512Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// PodTemplate adds to the pods, with image only.
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// TunnelMode is External for the tunnel of this integration, InProcess when the service dials Restate Cloud itself. InProcess
	// mounts the Full-role key in the service's namespace, closes the pods' ingress, and opens egress to Restate Cloud.
	// +optional
	// +kubebuilder:default=External
	TunnelMode DeploymentTunnelMode `json:"tunnelMode,omitempty"`
	// MinReadySeconds before a pod counts as available.
	// +optional
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`
	// RevisionHistoryLimit is how many old ReplicaSets are kept. Default of the operator: 10.
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// Autoscaling is the spec of a HorizontalPodAutoscaler for draining versions, without scaleTargetRef.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Autoscaling *runtime.RawExtension `json:"autoscaling,omitempty"`
	// Drain says how long an old version is kept.
	// +optional
	Drain *Drain `json:"drain,omitempty"`
	// DeletePolicy says whether deleting waits for running invocations. Default of the operator: drain.
	// +optional
	DeletePolicy DeletePolicy `json:"deletePolicy,omitempty"`
}

// DeploymentTunnelMode says which tunnel carries the calls.
// +kubebuilder:validation:Enum=External;InProcess
type DeploymentTunnelMode string

// The modes.
const (
	// TunnelModeExternal is the tunnel of this integration.
	TunnelModeExternal DeploymentTunnelMode = "External"
	// TunnelModeInProcess is a tunnel in the service itself, by the SDK of TypeScript, Go or Rust.
	TunnelModeInProcess DeploymentTunnelMode = "InProcess"
)

// Values lists what is allowed.
func (DeploymentTunnelMode) Values() []string { return []string{"External", "InProcess"} }

// Drain says how long an old version of a deployment is kept; the fields are those of RestateDeployment.
type Drain struct {
	// DelaySeconds before an old version without invocations is removed. Default of the operator: 300.
	// +optional
	DelaySeconds *int64 `json:"delaySeconds,omitempty"`
	// TimeoutSeconds for invocations to end when the deployment is deleted. Default of the operator: 3600.
	// +optional
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`
	// OnTimeout is hold to keep waiting, force to delete anyway. Default of the operator: hold.
	// +optional
	OnTimeout DrainTimeout `json:"onTimeout,omitempty"`
}

// DrainTimeout says what happens when a version does not drain in time.
// +kubebuilder:validation:Enum=hold;force
type DrainTimeout string

// Values lists what is allowed.
func (DrainTimeout) Values() []string { return []string{"hold", "force"} }

// DeletePolicy says whether deleting a deployment waits for running invocations.
// +kubebuilder:validation:Enum=drain;force
type DeletePolicy string

// Values lists what is allowed.
func (DeletePolicy) Values() []string { return []string{"drain", "force"} }

// Registration says who registers a service.
type Registration struct {
	// Mode is Auto for the best that the tunnel mode allows, Job for a Job with the Restate CLI, None for nobody. Auto is the
	// operator with deployment, else a Job in Standalone mode or with tunnel.operator.uid, else nobody, with a warning.
	// +optional
	// +kubebuilder:default=Auto
	Mode RegistrationMode `json:"mode,omitempty"`
	// Revision of the service, kept by Restate as metadata of the deployment. The Job fails when the URL is known with another one:
	// Restate does not look at a known URL again, so that a new revision needs a new path or Service name.
	// +optional
	Revision string `json:"revision,omitempty"`
	// Force makes Restate look at a known URL again and overwrite what it knew, which can break running workflows.
	// +optional
	Force bool `json:"force,omitempty"`
	// PodTemplate adds to the Job's pod.
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
}

// RegistrationMode says who registers a service.
// +kubebuilder:validation:Enum=Auto;Job;None
type RegistrationMode string

// The modes.
const (
	RegistrationAuto RegistrationMode = "Auto"
	RegistrationJob  RegistrationMode = "Job"
	RegistrationNone RegistrationMode = "None"
)

// Values lists what is allowed.
func (RegistrationMode) Values() []string { return []string{"Auto", "Job", "None"} }
