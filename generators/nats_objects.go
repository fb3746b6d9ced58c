// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// The kinds of NACK v0.22 (github.com/nats-io/nack, deploy/crds.yml) and nauth v0.7 (github.com/WirelessCar/nauth, CRDs), as far as the
// function writes them.
const (
	nackV1beta2   = "jetstream.nats.io/v1beta2"
	nauthV1alpha1 = "nauth.io/v1alpha1"
)

// deadLetterSubjects is where the bridge puts what it cannot deliver: restate.dlq.<Service>.
const (
	deadLetterPrefix   = "restate.dlq."
	deadLetterSubjects = deadLetterPrefix + "*"
)

// durable is the route's consumer, which all replicas of the bridge share. What it delivers is the route's, whatever a header says:
// Bento 1.20 lets one named nats_subject stand in for the subject. It belongs to the subject and not to the route, so that it never
// changes: in a work queue a second consumer of a subject is refused, and NACK soon stops trying.
func (r Route) durable() string { return bridgeName + "-" + r.subjectHash() }

func (r Route) subjectHash() string { return hash8([]byte(r.Subject)) }

// ackWait is how long one delivery may take: (retries + 1) x timeout + the waits between them, of the bridge, stay below it.
const ackWait = time.Minute

// letterOverhead is room for what the bridge adds to a dead letter, in bytes: ids, the error, cut at 512, and the subject. An event that leaves less of the account's payload could not be put away, and would go round until it is too old.
const letterOverhead = 2048

// deadLetterAge gives people time to look at dead letters.
const deadLetterAge = 30 * 24 * time.Hour

// duration is the short form: 23h, not 23h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

type nackStream struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              nackStreamSpec `json:"spec"`
}

type nackStreamSpec struct {
	Name            string   `json:"name"`
	Subjects        []string `json:"subjects"`
	Retention       string   `json:"retention"`
	Storage         string   `json:"storage"`
	Replicas        int32    `json:"replicas"`
	MaxAge          string   `json:"maxAge"`
	DuplicateWindow string   `json:"duplicateWindow,omitempty"`
	// MaxMsgSize refuses to the publisher what could not become a dead letter.
	MaxMsgSize int64  `json:"maxMsgSize,omitempty"`
	Account    string `json:"account,omitempty"`
}

type nackConsumer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              nackConsumerSpec `json:"spec"`
}

type nackConsumerSpec struct {
	StreamName  string `json:"streamName"`
	DurableName string `json:"durableName"`
	// Description says to people which subject the name is the hash of.
	Description   string `json:"description"`
	FilterSubject string `json:"filterSubject"`
	DeliverPolicy string `json:"deliverPolicy"`
	AckPolicy     string `json:"ackPolicy"`
	AckWait       string `json:"ackWait"`
	// MaxDeliver is -1, because an event over a finite limit would stay in the work queue and never be delivered.
	MaxDeliver int    `json:"maxDeliver"`
	Account    string `json:"account,omitempty"`
}

func nackObjects(m Model) []Built {
	j := m.NATS.JetStream
	meta := func(kind, component, key string) (metav1.TypeMeta, metav1.ObjectMeta) {
		return metav1.TypeMeta{APIVersion: nackV1beta2, Kind: kind}, metav1.ObjectMeta{Namespace: m.NATS.Namespace, Name: m.objectName(component, key)}
	}
	events := &nackStream{Spec: nackStreamSpec{
		Name: j.Stream, Subjects: j.Subjects, Retention: "workqueue", Storage: "file", Replicas: *j.Replicas,
		MaxAge: duration(j.MaxAge.Duration), DuplicateWindow: duration(j.DuplicateWindow.Duration), Account: j.NACK.Account,
	}}
	events.TypeMeta, events.ObjectMeta = meta("Stream", "nats", "events")
	letters := &nackStream{Spec: nackStreamSpec{
		Name: j.DeadLetterStream, Subjects: []string{deadLetterSubjects}, Retention: "limits", Storage: "file", Replicas: *j.Replicas,
		MaxAge: duration(deadLetterAge), Account: j.NACK.Account,
	}}
	letters.TypeMeta, letters.ObjectMeta = meta("Stream", "nats", "dead-letters")
	out := []Built{{Object: events, Source: "spec.nats.jetstream"}, {Object: letters, Source: "spec.nats.jetstream"}}
	if m.NATS.Bridge == nil {
		return out
	}
	events.Spec.MaxMsgSize = *m.NATS.Account.Limits.Payload - letterOverhead
	for _, r := range m.NATS.Bridge.Routes {
		consumer := &nackConsumer{Spec: nackConsumerSpec{
			StreamName: j.Stream, DurableName: r.durable(), Description: r.Subject, FilterSubject: r.Subject,
			DeliverPolicy: "all", AckPolicy: "explicit", AckWait: duration(ackWait), MaxDeliver: -1, Account: j.NACK.Account,
		}}
		consumer.TypeMeta, consumer.ObjectMeta = meta("Consumer", "bridge", r.subjectHash())
		out = append(out, Built{Object: consumer, Source: fmt.Sprintf("spec.nats.bridge.routes[%s]", r.Name)})
	}
	return out
}

type nauthAccount struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              nauthAccountSpec `json:"spec"`
}

type nauthAccountSpec struct {
	DisplayName      string                   `json:"displayName"`
	NATSClusterRef   v1alpha1.NauthClusterRef `json:"natsClusterRef"`
	AccountLimits    nauthAccountLimits       `json:"accountLimits"`
	NATSLimits       nauthLimits              `json:"natsLimits"`
	JetStreamEnabled bool                     `json:"jetStreamEnabled"`
	JetStreamLimits  *nauthJetStreamLimits    `json:"jetStreamLimits,omitempty"`
	Exports          []nauthExport            `json:"exports,omitempty"`
	Imports          []nauthImport            `json:"imports,omitempty"`
}

type nauthAccountLimits struct {
	Connections int64 `json:"conn"`
	LeafNodes   int64 `json:"leaf"`
	Imports     int64 `json:"imports"`
	Exports     int64 `json:"exports"`
	Wildcards   bool  `json:"wildcards"`
}

type nauthLimits struct {
	Subscriptions int64 `json:"subs"`
	Payload       int64 `json:"payload"`
}

type nauthJetStreamLimits struct {
	Disk      int64 `json:"diskStorage"`
	Memory    int64 `json:"memStorage"`
	Streams   int64 `json:"streams"`
	Consumers int64 `json:"consumer"`
}

type nauthExport struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Type    string `json:"type"`
}

type nauthImport struct {
	Name       string          `json:"name"`
	AccountRef nauthAccountRef `json:"accountRef"`
	Subject    string          `json:"subject"`
	Type       string          `json:"type"`
}

type nauthAccountRef struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type nauthUser struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              nauthUserSpec `json:"spec"`
}

type nauthUserSpec struct {
	AccountName string           `json:"accountName"`
	DisplayName string           `json:"displayName"`
	Permissions nauthPermissions `json:"permissions"`
}

type nauthPermissions struct {
	Publish   serverSubjects  `json:"pub"`
	Subscribe serverSubjects  `json:"sub"`
	Responses *nauthResponses `json:"resp,omitempty"`
}

// nauthResponses has its time in nanoseconds, as a NATS user JWT has (github.com/nats-io/jwt/v2, types.go).
type nauthResponses struct {
	Max int           `json:"max"`
	TTL time.Duration `json:"ttl"`
}

// nauthObjects let nauth make the keys: no key is in the spec, and each user's credentials appear in the cluster alone.
func nauthObjects(m Model) []Built {
	n, a := m.NATS, m.NATS.Account
	account := &nauthAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: nauthV1alpha1, Kind: "Account"},
		ObjectMeta: metav1.ObjectMeta{Namespace: n.Namespace, Name: m.objectName("nats", "")},
		Spec: nauthAccountSpec{
			DisplayName: a.Name, NATSClusterRef: a.Nauth.ClusterRef,
			AccountLimits: nauthAccountLimits{
				Connections: *a.Limits.Connections, LeafNodes: *a.Limits.LeafNodes, Imports: int64(len(a.Imports)), Exports: int64(len(a.Exports)), Wildcards: true,
			},
			NATSLimits: nauthLimits{Subscriptions: *a.Limits.Subscriptions, Payload: *a.Limits.Payload},
		},
	}
	if j := n.JetStream; j != nil {
		account.Spec.JetStreamEnabled = true
		account.Spec.JetStreamLimits = &nauthJetStreamLimits{Disk: *j.Limits.File, Memory: *j.Limits.Memory, Streams: *j.Limits.Streams, Consumers: *j.Limits.Consumers}
	}
	for _, key := range sortedKeys(a.Exports) {
		account.Spec.Exports = append(account.Spec.Exports, nauthExport{key, a.Exports[key].Subject, "stream"})
	}
	for _, key := range sortedKeys(a.Imports) {
		account.Spec.Imports = append(account.Spec.Imports, nauthImport{key, nauthAccountRef{a.Imports[key].Account, n.Namespace}, a.Imports[key].Subject, "stream"})
	}
	out := []Built{{Object: account, Source: "spec.nats.account"}}
	for _, u := range n.Users {
		p := u.permissions()
		permissions := nauthPermissions{Publish: p.Publish, Subscribe: p.Subscribe}
		if u.Answers {
			permissions.Responses = &nauthResponses{Max: p.AllowResponses.Max, TTL: answerTime}
		}
		out = append(out, Built{Source: "spec.nats.account", Object: &nauthUser{
			TypeMeta:   metav1.TypeMeta{APIVersion: nauthV1alpha1, Kind: "User"},
			ObjectMeta: metav1.ObjectMeta{Namespace: n.Namespace, Name: m.objectName("nats", u.Name)},
			Spec:       nauthUserSpec{AccountName: account.Name, DisplayName: u.Name, Permissions: permissions},
		}})
	}
	return out
}
