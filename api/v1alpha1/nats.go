// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NATS has the account, its streams and the event bridge.
type NATS struct {
	// Servers are NATS URLs, nats:// or tls://, of Services in this cluster: nats://<service>.<namespace>.svc:<port>, whose pods listen
	// on the same port. Default: nats://nats.nats.svc:4222.
	// +optional
	Servers []string `json:"servers,omitempty"`
	// PodSelector selects the NATS servers in their namespace. Default: the labels of the nats Helm chart.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// +optional
	TLS *NATSTLS `json:"tls,omitempty"`
	// +optional
	// +kubebuilder:default={}
	Account NATSAccount `json:"account,omitempty"`
	// +optional
	JetStream *JetStream `json:"jetstream,omitempty"`
	// +optional
	Bridge *Bridge `json:"bridge,omitempty"`
}

// NATSTLS names the CA and the client certificate for NATS.
type NATSTLS struct {
	CASecretRef SecretKeyRef `json:"caSecretRef"`
	// +optional
	CertSecretRef *SecretRef `json:"certSecretRef,omitempty"`
}

// SecretKeyRef names a key of a Secret.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// SecretRef names a Secret.
type SecretRef struct {
	Name string `json:"name"`
}

// NATSAccount is a least-privilege account.
type NATSAccount struct {
	// +optional
	// +kubebuilder:default=RESTATE
	Name string `json:"name,omitempty"`
	// +optional
	// +kubebuilder:default=ServerConfig
	Mode NATSAccountMode `json:"mode,omitempty"`
	// Subjects is the envelope of what users may be given. Default: restate.events.* and workflow.outbox.*.
	// +optional
	Subjects []string `json:"subjects,omitempty"`
	// AllowDeep allows a final > in subjects.
	// +optional
	AllowDeep bool `json:"allowDeep,omitempty"`
	// +optional
	Users map[string]NATSUser `json:"users,omitempty"`
	// +optional
	// +kubebuilder:default=_INBOX_restate
	InboxPrefix string `json:"inboxPrefix,omitempty"`
	// +optional
	// +kubebuilder:default={}
	Limits NATSLimits `json:"limits,omitempty"`
	// Peers are the accounts that may be imported from or exported to.
	// +optional
	Peers map[string]NATSPeer `json:"peers,omitempty"`
	// +optional
	Imports map[string]NATSShare `json:"imports,omitempty"`
	// +optional
	Exports map[string]NATSShare `json:"exports,omitempty"`
	// +optional
	JWT *NATSJWT `json:"jwt,omitempty"`
	// +optional
	Nauth *Nauth `json:"nauth,omitempty"`
}

// NATSAccountMode says in which form the account is written.
// +kubebuilder:validation:Enum=ServerConfig;JWT;Nauth
type NATSAccountMode string

// Values lists what is allowed.
func (NATSAccountMode) Values() []string { return []string{"ServerConfig", "JWT", "Nauth"} }

// NATSUser is a user of the account, known by public keys alone.
type NATSUser struct {
	// PublicKeys are user nkeys (U...); several overlap during a rotation.
	PublicKeys []string `json:"publicKeys"`
	Publish    []string `json:"publish"`
	Subscribe  []string `json:"subscribe"`
	// +optional
	SecretRef *SecretKeyRef `json:"secretRef,omitempty"`
}

// NATSLimits of the account; Payload in bytes.
type NATSLimits struct {
	// +optional
	// +kubebuilder:default=16
	Connections *int64 `json:"connections,omitempty"`
	// +optional
	// +kubebuilder:default=128
	Subscriptions *int64 `json:"subscriptions,omitempty"`
	// +optional
	// +kubebuilder:default=65536
	Payload *int64 `json:"payload,omitempty"`
	// +optional
	// +kubebuilder:default=0
	LeafNodes *int64 `json:"leafNodes,omitempty"`
}

// NATSPeer is another account of the same server.
type NATSPeer struct {
	// +optional
	// +kubebuilder:default=External
	Managed NATSPeerManaged `json:"managed,omitempty"`
}

// NATSPeerManaged says who writes the counterpart of an import or export.
// +kubebuilder:validation:Enum=External;Emit
type NATSPeerManaged string

// Values lists what is allowed.
func (NATSPeerManaged) Values() []string { return []string{"External", "Emit"} }

// NATSShare is an import from or an export to a peer.
type NATSShare struct {
	Account string `json:"account"`
	Subject string `json:"subject"`
}

// NATSJWT is an account JWT that somebody else signed.
type NATSJWT struct {
	File              string `json:"file"`
	OperatorPublicKey string `json:"operatorPublicKey"`
}

// Nauth refers to a NatsCluster of nauth.io.
type Nauth struct {
	ClusterRef NauthClusterRef `json:"clusterRef"`
}

// NauthClusterRef names a NatsCluster.
type NauthClusterRef struct {
	Name string `json:"name"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// JetStream has the streams of events and dead letters.
type JetStream struct {
	// +optional
	// +kubebuilder:default=RESTATE_EVENTS
	Stream string `json:"stream,omitempty"`
	// Subjects of the stream. Default: those of the bridge's routes.
	// +optional
	Subjects []string `json:"subjects,omitempty"`
	// +optional
	// +kubebuilder:default=RESTATE_DLQ
	DeadLetterStream string `json:"deadLetterStream,omitempty"`
	// +optional
	// +kubebuilder:default=3
	Replicas *int32 `json:"replicas,omitempty"`
	// MaxAge of an event, below the 24 hours in which Restate remembers idempotency keys.
	// +optional
	// +kubebuilder:default="23h"
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// +optional
	// +kubebuilder:default="2m"
	DuplicateWindow *metav1.Duration `json:"duplicateWindow,omitempty"`
	// +optional
	Limits *JetStreamLimits `json:"limits,omitempty"`
	// +optional
	NACK *NACK `json:"nack,omitempty"`
}

// JetStreamLimits of the account; File and Memory in bytes.
type JetStreamLimits struct {
	// +optional
	File *int64 `json:"file,omitempty"`
	// +optional
	Memory *int64 `json:"memory,omitempty"`
	// +optional
	Streams *int64 `json:"streams,omitempty"`
	// +optional
	Consumers *int64 `json:"consumers,omitempty"`
}

// NACK is the JetStream controller and its user.
type NACK struct {
	// +optional
	Account string `json:"account,omitempty"`
	// +optional
	PublicKeys []string `json:"publicKeys,omitempty"`
}

// Bridge sends events to Restate Cloud, each subject to one handler.
type Bridge struct {
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// +optional
	PublicKeys []string         `json:"publicKeys,omitempty"`
	Routes     map[string]Route `json:"routes"`
	// +optional
	// +kubebuilder:default=2
	Replicas *int32 `json:"replicas,omitempty"`
	// +optional
	// +kubebuilder:default="30m"
	MaxEventAge *metav1.Duration `json:"maxEventAge,omitempty"`
	// +optional
	// +kubebuilder:default="15m"
	IdleExit *metav1.Duration `json:"idleExit,omitempty"`
}

// Route sends one subject to one handler.
type Route struct {
	Subject string `json:"subject"`
	Service string `json:"service"`
	Handler string `json:"handler"`
	// Key of a virtual object, from a header or a JSON field.
	// +optional
	Key *RouteKey `json:"key,omitempty"`
}

// RouteKey says where the key of a virtual object comes from; one of the two.
type RouteKey struct {
	// +optional
	Header string `json:"header,omitempty"`
	// +optional
	JSONField string `json:"jsonField,omitempty"`
}
