// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

var natsComponent = Component{
	Name:    "nats",
	Doc:     "The NATS account as a fragment of the server's configuration or as objects of nauth, and the streams as objects of NACK.",
	Objects: natsObjects,
}

func natsObjects(m Model) []Built {
	n := m.NATS
	if n == nil {
		return nil
	}
	var out []Built
	if a := n.Account; a != nil {
		switch a.Mode {
		case v1alpha1.AccountNauth:
			out = append(out, nauthObjects(m)...)
		case v1alpha1.AccountJWT:
			out = append(out, Built{Object: preloadConfigMap(m), Source: "spec.nats.account.jwt"})
		default:
			out = append(out, Built{Object: accountConfigMap(m), Source: "spec.nats.account"})
		}
	}
	if n.JetStream != nil && n.JetStream.NACK != nil {
		out = append(out, nackObjects(m)...)
	}
	return out
}

// serverAccount is an account in the configuration of nats-server (github.com/nats-io/nats-server v2.15, server/opts.go). Sizes are
// numbers: the Helm chart passes text like 64KB on as text, which the server refuses.
type serverAccount struct {
	JetStream *serverJetStream `json:"jetstream,omitempty"`
	Limits    *serverLimits    `json:"limits,omitempty"`
	Users     []serverUser     `json:"users,omitempty"`
	Exports   []serverExport   `json:"exports,omitempty"`
	Imports   []serverImport   `json:"imports,omitempty"`
}

type serverJetStream struct {
	MaxMemory    int64 `json:"max_mem"`
	MaxFile      int64 `json:"max_file"`
	MaxStreams   int64 `json:"max_streams"`
	MaxConsumers int64 `json:"max_consumers"`
}

type serverLimits struct {
	MaxConnections   int64 `json:"max_connections"`
	MaxSubscriptions int64 `json:"max_subscriptions"`
	MaxPayload       int64 `json:"max_payload"`
	MaxLeafNodes     int64 `json:"max_leafnodes"`
}

type serverUser struct {
	NKey        string            `json:"nkey"`
	Permissions serverPermissions `json:"permissions"`
}

type serverPermissions struct {
	Publish        serverSubjects   `json:"publish"`
	Subscribe      serverSubjects   `json:"subscribe"`
	AllowResponses *serverResponses `json:"allow_responses,omitempty"`
}

type serverSubjects struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// answerTime is how long after a request its answer may come.
const answerTime = 5 * time.Second

// serverResponses lets a user answer a request on a subject that it may not publish on otherwise.
type serverResponses struct {
	Max     int    `json:"max"`
	Expires string `json:"expires"`
}

type serverExport struct {
	Stream   string   `json:"stream"`
	Accounts []string `json:"accounts"`
}

type serverImport struct {
	Stream serverImportStream `json:"stream"`
}

type serverImportStream struct {
	Account string `json:"account"`
	Subject string `json:"subject"`
}

// account is ours.
func (n *NATS) account() serverAccount {
	a := n.Account
	out := serverAccount{Limits: &serverLimits{
		MaxConnections: *a.Limits.Connections, MaxSubscriptions: *a.Limits.Subscriptions, MaxPayload: *a.Limits.Payload, MaxLeafNodes: *a.Limits.LeafNodes,
	}}
	if j := n.JetStream; j != nil {
		out.JetStream = &serverJetStream{MaxMemory: *j.Limits.Memory, MaxFile: *j.Limits.File, MaxStreams: *j.Limits.Streams, MaxConsumers: *j.Limits.Consumers}
	}
	for _, u := range n.Users {
		for _, key := range u.PublicKeys {
			out.Users = append(out.Users, serverUser{key, u.permissions()})
		}
	}
	for _, key := range sortedKeys(a.Exports) {
		out.Exports = append(out.Exports, serverExport{a.Exports[key].Subject, []string{a.Exports[key].Account}})
	}
	for _, key := range sortedKeys(a.Imports) {
		out.Imports = append(out.Imports, serverImport{serverImportStream{a.Imports[key].Account, a.Imports[key].Subject}})
	}
	return out
}

// permissions never have an empty list of what is allowed: to the server that means everything.
func (u NATSUser) permissions() serverPermissions {
	p := serverPermissions{
		Publish: serverSubjects{Allow: u.Publish}, Subscribe: serverSubjects{Allow: u.Subscribe, Deny: deeper(u.Subscribe)},
	}
	if u.Answers {
		p.AllowResponses = &serverResponses{Max: 1, Expires: answerTime.String()}
	}
	if len(u.Publish) == 0 {
		p.Publish.Deny = []string{">"}
	}
	return p
}

// deeper is what must be denied beside an allow list of subscriptions. The server holds the list against the text of a subscription,
// so that restate.events.* lets restate.events.> pass, which then gets the deeper subjects as well; only a deny is held against each
// message (run: nats-server 2.15.2). A * before the last token lets nothing more pass, because > is always last.
func deeper(subjects []string) []string {
	var out []string
	for _, s := range subjects {
		if strings.HasSuffix(s, "*") {
			out = append(out, s+".>")
		}
	}
	return out
}

// peer is what another account needs for our imports and exports: the server refuses one side without the other.
func (n *NATS) peer(name string) serverAccount {
	var out serverAccount
	for _, key := range sortedKeys(n.Account.Imports) {
		if i := n.Account.Imports[key]; i.Account == name {
			out.Exports = append(out.Exports, serverExport{i.Subject, []string{n.Account.Name}})
		}
	}
	for _, key := range sortedKeys(n.Account.Exports) {
		if e := n.Account.Exports[key]; e.Account == name {
			out.Imports = append(out.Imports, serverImport{serverImportStream{n.Account.Name, e.Subject}})
		}
	}
	return out
}

// accountConfigMap has the account twice: as Helm values, which the chart merges with those of others, and as an entry for the
// accounts block of a hand-written configuration. Neither has an accounts block of its own to be included: of two, the server takes
// the last without a word.
func accountConfigMap(m Model) *corev1.ConfigMap {
	n := m.NATS
	accounts := map[string]serverAccount{n.Account.Name: n.account()}
	data := map[string]string{}
	for _, name := range sortedKeys(n.Account.Peers) {
		if n.Account.Peers[name].Managed == v1alpha1.PeerEmit {
			accounts[name] = n.peer(name)
		} else {
			data["peer-"+name+".conf"] = accountEntry(name, n.peer(name))
		}
	}
	data["values.yaml"] = n.legend() + helmValues(accounts)
	data["accounts.conf"] = n.legend()
	for _, name := range sortedKeys(accounts) {
		data["accounts.conf"] += accountEntry(name, accounts[name])
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: n.Namespace, Name: m.objectName("nats", "account")},
		Data:       data,
	}
}

// legend says whose each key is: the server has no place for it.
func (n *NATS) legend() string {
	var b strings.Builder
	for _, u := range n.Users {
		for _, key := range u.PublicKeys {
			fmt.Fprintf(&b, "# %s: %s\n", key, u.Name)
		}
	}
	return b.String()
}

// preloadConfigMap has the signed account for a server with the MEMORY resolver: as Helm values, and as an entry for the
// resolver_preload block of a hand-written configuration.
func preloadConfigMap(m Model) *corev1.ConfigMap {
	n := m.NATS
	preload := map[string]string{n.JWT.Subject: n.JWT.Token}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: n.Namespace, Name: m.objectName("nats", "account")},
		Data: map[string]string{
			"values.yaml":           blockYAML(map[string]any{"config": map[string]any{"merge": map[string]any{"resolver_preload": preload}}}),
			"resolver_preload.conf": fmt.Sprintf("%s: %q\n", n.JWT.Subject, n.JWT.Token),
		},
	}
}

// accountEntry is to be included inside of accounts { }. JSON is part of the server's syntax, but for \u, which > would become.
func accountEntry(name string, a serverAccount) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(a); err != nil {
		panic(err) // a struct of strings and numbers
	}
	return name + ": " + b.String()
}

// helmValues are those of the nats chart (github.com/nats-io/k8s, helm/charts/nats, values.yaml, config.merge).
func helmValues(accounts map[string]serverAccount) string {
	return blockYAML(map[string]any{"config": map[string]any{"merge": map[string]any{"accounts": accounts}}})
}

// blockYAML writes a value by its JSON names, with fields in the order of the struct.
func blockYAML(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // structs of strings and numbers
	}
	node, err := yaml.Parse(string(raw)) // JSON is YAML in flow style
	if err != nil {
		panic(err)
	}
	plain(node.YNode())
	text, err := node.String()
	if err != nil {
		panic(err)
	}
	return text
}

// plain takes the flow style and the quotes away; the encoder puts back what YAML needs.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

// The subjects of JetStream that a client of one durable consumer needs (run: nats-server 2.15.2, nats.go 1.55).
func consumerSubjects(stream, durable string) []string {
	return []string{
		"$JS.ACK." + stream + "." + durable + ".>",
		"$JS.API.CONSUMER.INFO." + stream + "." + durable,
		"$JS.API.CONSUMER.MSG.NEXT." + stream + "." + durable,
	}
}

// controllerSubjects let NACK manage the streams and their consumers, and no other: it asks for what is there, and creates, updates
// and deletes (run: github.com/nats-io/nack v0.22.4, controllers/jetstream, with github.com/nats-io/jsm.go v0.3.0).
func controllerSubjects(streams ...string) []string {
	var out []string
	for _, s := range streams {
		for _, verb := range []string{"CREATE", "DELETE", "INFO", "UPDATE"} {
			out = append(out, "$JS.API.STREAM."+verb+"."+s)
		}
		out = append(out, "$JS.API.CONSUMER.CREATE."+s+".>", "$JS.API.CONSUMER.DELETE."+s+".*", "$JS.API.CONSUMER.INFO."+s+".*")
	}
	slices.Sort(out)
	return out
}
