// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// Role is one of spec.credentials, the credential of a gateway's domain, or the API keys of a gateway's callers, with the Secrets that it
// names.
type Role struct {
	Name string
	v1alpha1.Credential
	// Namespaces in which a pod reads the Secret, sorted: each needs one of its own.
	Namespaces []string
	// Domain is that of the gateway, for one with a credential or with callers of its own.
	Domain string
	// Callers is true for the API keys of those who call the gateway.
	Callers bool
}

// Path of the role's field.
func (r Role) Path() *field.Path {
	domain := entry(gatewayPath.Child("domains"), r.Domain)
	switch {
	case r.Callers && r.Domain == "":
		return gatewayPath.Child("auth", "apiKeys", "secretRef")
	case r.Callers:
		return domain.Child("apiKeys", "secretRef")
	case r.Domain != "":
		return domain.Child("credential")
	}
	return specPath.Child("credentials", r.Name)
}

// The roles.
const (
	roleTunnel  = "tunnel"
	roleIngress = "ingress"
	roleAdmin   = "admin"
	roleNATS    = "nats"
	// roleCallers is that of the API keys of the gateway, and with a slash the beginning of that of a domain's.
	roleCallers = "gateway-keys"
)

// rights is the role in Restate Cloud or NATS that the key has.
func (r Role) rights() string {
	switch {
	case r.Callers:
		return roleCallers
	case r.Domain != "":
		return roleIngress
	}
	return r.Name
}

// Roles lists the credentials that the spec has a consumer for. The spec need not be defaulted, and is not changed.
func Roles(in *v1alpha1.RestateIntegration) []Role {
	credentials := in.Spec.Credentials.Defaulted()
	var tunnel, ingress, admin, nats []string
	switch in.Spec.Tunnel.Mode {
	case "", v1alpha1.TunnelOperator:
		tunnel = append(tunnel, or(in.Spec.Tunnel.Operator.Namespace, v1alpha1.OperatorNamespace))
	case v1alpha1.TunnelStandalone:
		tunnel = append(tunnel, in.Namespace)
	}
	for _, s := range in.Spec.Services {
		if d := s.Deployment; d != nil && d.TunnelMode == v1alpha1.TunnelModeInProcess {
			tunnel = append(tunnel, s.Namespace)
		}
		if s.Uses.Restate {
			ingress = append(ingress, s.Namespace)
		}
		if registeredByJob(&in.Spec, s) {
			admin = append(admin, in.Namespace)
		}
	}
	if in.Spec.NATS != nil && in.Spec.NATS.Bridge != nil {
		ingress = append(ingress, in.Namespace)
		nats = append(nats, in.Namespace)
	}
	own, shared := gatewayRoles(in)
	if shared {
		ingress = append(ingress, in.Namespace)
	}
	var out []Role
	for _, role := range append([]Role{
		{Name: roleTunnel, Credential: credentials.Tunnel, Namespaces: tunnel},
		{Name: roleIngress, Credential: credentials.Ingress, Namespaces: ingress},
		{Name: roleAdmin, Credential: credentials.Admin, Namespaces: admin},
		{Name: roleNATS, Credential: credentials.NATS.Credential, Namespaces: nats},
	}, append(own, callerRoles(in)...)...) {
		if len(role.Namespaces) > 0 {
			slices.Sort(role.Namespaces)
			role.Namespaces = slices.Compact(role.Namespaces)
			out = append(out, role)
		}
	}
	return out
}

// gatewayRoles are those of the domains with a credential of their own; shared reports whether another gateway reads
// spec.credentials.ingress.
func gatewayRoles(in *v1alpha1.RestateIntegration) (own []Role, shared bool) {
	g := in.Spec.Gateway
	if g == nil {
		return nil, false
	}
	for _, key := range sortedKeys(g.Domains) {
		if c := g.Domains[key].Credential; c != nil {
			credential := *c
			credential.Default("restate-ingress-"+key, "token")
			own = append(own, Role{Name: gatewayRole(key), Credential: credential, Namespaces: []string{in.Namespace}, Domain: key})
		} else {
			shared = true
		}
	}
	return own, shared || len(g.Domains) == 0
}

// callerRoles are the API keys of the gateways' callers. Those that several domains share are of the gateway block, or of the first domain
// that names them.
func callerRoles(in *v1alpha1.RestateIntegration) []Role {
	g := in.Spec.Gateway
	if g == nil {
		return nil
	}
	var out []Role
	add := func(name, domain string, k *v1alpha1.GatewayAPIKeys) {
		if k == nil {
			return
		}
		c := k.Defaulted()
		if !slices.ContainsFunc(out, func(r Role) bool { return r.Credential.Name == c.Name && r.Key == c.Key }) {
			out = append(out, Role{Name: name, Credential: c, Namespaces: []string{in.Namespace}, Domain: domain, Callers: true})
		}
	}
	domains := sortedKeys(g.Domains)
	if len(domains) == 0 || slices.ContainsFunc(domains, func(key string) bool { return g.Domains[key].APIKeys == nil }) {
		add(roleCallers, "", g.Auth.APIKeys)
	}
	for _, key := range domains {
		add(roleCallers+"/"+key, key, g.Domains[key].APIKeys)
	}
	return out
}

// gatewayRole is the role of a domain with a credential of its own. No role of spec.credentials has a slash.
func gatewayRole(domain string) string { return "gateway/" + domain }

func (r *resolver) credentials() {
	r.secretPolicy()
	r.m.Credentials = map[string]Credential{}
	roleOf := map[secretKeyRef]Role{}
	for _, role := range Roles(r.in) {
		path := role.Path()
		r.domain(path.Child("name"), role.Credential.Name)
		if len(validation.IsConfigMapKey(role.Key)) > 0 {
			r.problem(diag.BadName, path.Child("key"), role.Key, "", "must be a key of a Secret: letters, digits, -, _ or .")
		}
		ref := secretKeyRef{Name: role.Credential.Name, Key: role.Key}
		if other, shared := roleOf[ref]; shared && role.rights() != other.rights() {
			r.problem(diag.SharedCredential, path, "", "make a key of this role alone, in a Secret of its own", "names the key of %s as well, so that one key has the rights of both", other.Path())
		}
		roleOf[ref] = role
		r.m.Credentials[role.Name] = Credential{Secret: ref, Digests: r.credentialDigests(path, role)}
	}
}

// unusedCredentials refuses settings of a role that nothing reads. It looks at what the user wrote, before defaults.
func (r *resolver) unusedCredentials() {
	roles := Roles(r.in)
	for _, c := range []struct {
		role  string
		given v1alpha1.Credential
		hint  string
	}{
		{roleIngress, r.in.Spec.Credentials.Ingress, "remove it, or let a service, the bridge or a gateway read it"},
		{roleAdmin, r.in.Spec.Credentials.Admin, "remove it: only the Job that registers a service reads it"},
		{roleNATS, r.in.Spec.Credentials.NATS.Credential, "remove it: only the bridge reads it"},
	} {
		if !isZero(c.given) && !slices.ContainsFunc(roles, func(role Role) bool { return role.Name == c.role }) {
			r.problem(diag.NoEffect, specPath.Child("credentials", c.role), "", c.hint, "must not be set while nothing reads it")
		}
	}
	if !slices.ContainsFunc(roles, func(role Role) bool { return role.Name == roleIngress }) {
		roles = append(roles, Role{Name: roleIngress, Credential: r.in.Spec.Credentials.Ingress})
	}
	for _, role := range roles {
		if (role.rights() == roleIngress || role.Callers) && role.RolloutKey != "" {
			r.problem(diag.NoEffect, role.Path().Child("rolloutKey"), "", "remove it", "must not be set, because whoever reads this key reads it anew")
		}
	}
}

// secretPolicy checks spec.secrets. Nothing here knows the time, so that of maxAge only the sign can be wrong.
func (r *resolver) secretPolicy() {
	path, s := specPath.Child("secrets"), r.spec.Secrets
	r.atLeast(path.Child("minRecipients"), s.MinRecipients, 1)
	if n := len(s.Recipients); n > 0 && s.MinRecipients != nil && int(*s.MinRecipients) > n {
		r.problem(diag.OutOfRange, path.Child("minRecipients"), strconv.Itoa(int(*s.MinRecipients)), "", "must be at most %d, the number of spec.secrets.recipients", n)
	}
	if s.MaxAge.Duration <= 0 {
		r.problem(diag.OutOfRange, path.Child("maxAge"), s.MaxAge.Duration.String(), "write it as 2160h", "must be more than 0")
	}
	for i, entry := range s.Recipients {
		switch place := path.Child("recipients").Index(i); {
		case entry == "" || strings.TrimSpace(entry) != entry || redact.OneLine(entry) != entry || strings.Contains(entry, ","):
			r.problem(diag.BadRecipient, place, entry, "give each an entry of its own", "must be one recipient as a sops block has it")
		case slices.Contains(s.Recipients[:i], entry):
			r.problem(diag.BadRecipient, place, entry, "remove one of the two", "must stand once")
		}
	}
}

// credentialDigests checks the Secrets in sight of a role, and returns by namespace what changes with the key.
func (r *resolver) credentialDigests(path *field.Path, role Role) map[string]string {
	digests, seen := map[string]string{}, map[string]bool{}
	unreadable := false
	for _, s := range r.input.Secrets {
		if s.Name != role.Credential.Name {
			continue
		}
		place := secretPath(path, role.Credential, s)
		switch {
		case s.Keys == nil: // not a Secret that could be read: nothing is known of it but that
			unreadable = true
			r.secret(place, s)
		case seen[s.Namespace]:
			r.problem(diag.NotOneSecret, place, "", "keep one of them", "must not bring Secret %s a second time", secretName(s))
		case slices.Contains(role.Namespaces, s.Namespace):
			seen[s.Namespace] = true
			r.secret(place, s)
			digests[s.Namespace] = r.secretKey(role, place, s)
		case r.readByAnother(role, s.Namespace):
		default:
			r.secret(place, s)
			r.problem(diag.SecretElsewhere, place, "", "encrypt it for namespace "+strings.Join(role.Namespaces, " or "),
				"must be in namespace %s, where it is read; Secret %s is read by nobody", quoted(role.Namespaces), secretName(s))
		}
	}
	for _, namespace := range role.Namespaces {
		if !seen[namespace] && !unreadable { // an unreadable one may be that which is missing
			r.unseen(path, role, namespace)
		}
		digests[namespace] = rollout(digests[namespace], role.RolloutKey)
	}
	return digests
}

// readByAnother reports whether another role reads a Secret of the same name there.
func (r *resolver) readByAnother(role Role, namespace string) bool {
	return slices.ContainsFunc(Roles(r.in), func(other Role) bool {
		return other.Credential.Name == role.Credential.Name && slices.Contains(other.Namespaces, namespace)
	})
}

// secretPath is the entry of files that a Secret came from, or the role's own path for an item of the package.
func secretPath(path *field.Path, c v1alpha1.Credential, s Secret) *field.Path {
	if i := slices.Index(c.Files, s.File); s.File != "" && i >= 0 {
		return path.Child("files").Index(i)
	}
	return path.Child("name")
}

// secretName may come from any item of the package.
func secretName(s Secret) string {
	if s.Namespace == "" {
		return redact.Text(s.Name)
	}
	return redact.Text(s.Namespace) + "/" + redact.Text(s.Name)
}

// secret reports what is wrong with the document, whatever role it has, and for the first of its roles alone.
func (r *resolver) secret(path *field.Path, s Secret) {
	document := s.File + " " + secretName(s)
	if s.Keys != nil && r.reported[document] {
		return
	}
	r.reported[document] = true
	for _, d := range CheckSecret(s, SecretPolicyOf(r.spec.Secrets)) {
		d.Path = path.String()
		d.Message = fmt.Sprintf("Secret %s: %s", secretName(s), d.Message)
		r.ds = append(r.ds, d)
	}
	for _, other := range slices.Concat(r.input.Secrets, r.input.Others) {
		if EncryptedTogether(s, other) {
			r.problem(diag.SharedMAC, path, "", "write each into a file of its own, and encrypt it again",
				"must not lead to Secret %s, which was encrypted in one file with Secret %s and has its MAC", secretName(s), secretName(other))
		}
	}
}

// Lengths of values, in bytes.
const (
	// minRestateKey is the least that a key of Restate Cloud can have: key_ and 20 characters, as in package redact.
	minRestateKey = len("key_") + 20
	// seedSize is that of every nkey seed: 36 bytes in base32 without padding (github.com/nats-io/nkeys, strkey.go).
	seedSize = 58
	// minCreds is less than the frames of a creds file, a seed and the smallest user JWT take together (github.com/nats-io/jwt,
	// creds_utils.go).
	minCreds = 400
	// minKeyFile is less than the file of API keys takes without any key (internal/secretscli, keyfile.go).
	minKeyFile = 350
)

func (r *resolver) secretKey(role Role, place *field.Path, s Secret) string {
	key, found := s.Keys[role.Key]
	switch {
	case !found:
		r.problem(diag.SecretKey, role.Path().Child("key"), role.Key, "it has "+or(quoted(sortedKeys(s.Keys)), "none"), "must be a key of Secret %s", secretName(s))
	case key.Digest != "":
		if misfit := r.misfit(role.rights(), key.Size); misfit != "" {
			r.problem(diag.ShortSecret, place, "", "check that it is no placeholder, and encrypt the real one",
				"leads to Secret %s, in which the value of %q is %s", secretName(s), redact.Text(role.Key), misfit)
		}
	}
	return key.Digest
}

// misfit says what is wrong with the length of a value, which can be known without a key; empty when it may be right.
func (r *resolver) misfit(role string, size int) string {
	switch {
	case role == roleCallers && size < minKeyFile:
		return "shorter than any file of API keys"
	case role != roleNATS && size < minRestateKey:
		return "shorter than any API key of Restate Cloud"
	case role == roleNATS && r.spec.Credentials.NATS.Type == v1alpha1.NATSCreds && size < minCreds:
		return "shorter than any creds file of NATS"
	case role == roleNATS && r.spec.Credentials.NATS.Type != v1alpha1.NATSCreds && size != seedSize:
		return fmt.Sprintf("not the %d characters of an nkey seed", seedSize)
	}
	return ""
}

// restarts reports whether a changed key makes new pods. The pods of services read their mounted keys anew.
func (r *resolver) restarts(role Role, namespace string) bool {
	return role.Name == roleAdmin || role.Name == roleTunnel && r.m.Tunnel != nil && namespace == r.m.Tunnel.Namespace
}

// unseen reports a Secret that nobody checks. One that an object in sight makes in the cluster is expected not to be seen.
func (r *resolver) unseen(path *field.Path, role Role, namespace string) {
	name := secretName(Secret{Namespace: namespace, Name: role.Credential.Name})
	restarts := r.restarts(role, namespace)
	expected := role.Source == v1alpha1.SourceSOPS && !slices.Contains(r.input.Made, SecretName{namespace, role.Credential.Name})
	switch {
	case expected && !restarts:
		r.problem(diag.SecretNotSeen, path.Child("name"), "", "add it to the resources or to files, or set source: External",
			"leads to Secret %s, which is not in sight, so that it was not checked", name)
	case expected:
		r.problem(diag.SecretNotSeen, path.Child("name"), "", "add it to the resources or to files, or set source: External with a rolloutKey",
			"leads to Secret %s, which is not in sight, so that it was not checked and a rotation will not restart the pods that read it", name)
	case role.RolloutKey == "" && restarts:
		r.problem(diag.SecretNotSeen, path.Child("rolloutKey"), "", "set it to a date or a version, and change it at each rotation",
			"is not set, so that a rotation of Secret %s will not restart the pods that read it", name)
	}
}

// rollout is the value of the digest annotation: the ciphertext's digest, mixed with the rollout key when there is one.
func rollout(digest, key string) string {
	if key == "" {
		return digest
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{key, digest}, "\n")))
	return hex.EncodeToString(sum[:])
}
