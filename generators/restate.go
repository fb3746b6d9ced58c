// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The kinds of restate-operator v3.1.0, as far as the function writes them (crd/restatecloudenvironments.yaml and
// crd/restatedeployments.yaml of github.com/restatedev/restate-operator).
const (
	restateV1beta1              = "restate.dev/v1beta1"
	restateCloudEnvironmentKind = "RestateCloudEnvironment"
	restateDeploymentKind       = "RestateDeployment"
)

// restateCloudEnvironment is cluster-scoped; the operator makes a Deployment and a Service named tunnel-<name> in its own
// namespace from it, and copies all of its labels and annotations to them.
type restateCloudEnvironment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              cloudEnvironmentSpec `json:"spec"`
}

type cloudEnvironmentSpec struct {
	EnvironmentID    string                 `json:"environmentId"`
	Region           string                 `json:"region"`
	SigningPublicKey string                 `json:"signingPublicKey"`
	Authentication   cloudAuthentication    `json:"authentication"`
	Tunnel           cloudEnvironmentTunnel `json:"tunnel"`
}

type cloudAuthentication struct {
	Secret secretKeyRef `json:"secret"`
}

type secretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

type cloudEnvironmentTunnel struct {
	Replicas        int32                        `json:"replicas"`
	RemoteProxy     bool                         `json:"remoteProxy"`
	Image           string                       `json:"image"`
	ImagePullPolicy string                       `json:"imagePullPolicy,omitempty"`
	Env             []corev1.EnvVar              `json:"env,omitempty"`
	Resources       *corev1.ResourceRequirements `json:"resources,omitempty"`
	DNSConfig       *corev1.PodDNSConfig         `json:"dnsConfig,omitempty"`
	NodeSelector    map[string]string            `json:"nodeSelector,omitempty"`
	Tolerations     []corev1.Toleration          `json:"tolerations,omitempty"`
	Affinity        *corev1.Affinity             `json:"affinity,omitempty"`
}

// restateDeployment runs a service and registers each of its versions.
type restateDeployment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              restateDeploymentSpec `json:"spec"`
}

type restateDeploymentSpec struct {
	Replicas             int32                    `json:"replicas"`
	MinReadySeconds      *int32                   `json:"minReadySeconds,omitempty"`
	RevisionHistoryLimit *int32                   `json:"revisionHistoryLimit,omitempty"`
	Selector             metav1.LabelSelector     `json:"selector"`
	Autoscaling          *runtime.RawExtension    `json:"autoscaling,omitempty"`
	Restate              restateDeploymentRestate `json:"restate"`
	Template             corev1.PodTemplateSpec   `json:"template"`
}

type restateDeploymentRestate struct {
	Register          restateRegister `json:"register"`
	ServicePath       string          `json:"servicePath,omitempty"`
	UseHTTP11         bool            `json:"useHttp11,omitempty"`
	TunnelMode        string          `json:"tunnelMode,omitempty"`
	DrainDelaySeconds *int64          `json:"drainDelaySeconds,omitempty"`
	Drain             *restateDrain   `json:"drain,omitempty"`
	DeletePolicy      string          `json:"deletePolicy,omitempty"`
}

type restateDrain struct {
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`
	OnTimeout      string `json:"onTimeout,omitempty"`
}

// restateRegister names the RestateCloudEnvironment to register with.
type restateRegister struct {
	Cloud string `json:"cloud"`
}
