// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"encoding/base64"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// fileMap is a kustomization root with these files.
type fileMap map[string]string

func (m fileMap) ReadFile(name string) ([]byte, error) {
	text, found := m[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// scene is a package with something wrong in it, to be shown to every host.
type scene struct {
	code diag.Code
	// spec is what the integration has besides its credentials, tunnel the fields of credentials.tunnel besides files.
	spec, tunnel string
	// roles are further entries of credentials.
	roles string
	// secrets are the encrypted Secrets, as files a.yaml and b.yaml or as items.
	secrets []string
	// files replaces the list of files, which hosts that refuse them are not given otherwise.
	files string
	// item is another object of the package.
	item string
	// told says who judges the command, where it is not generators.CheckSecret.
	told string
}

const fakeToken = "key_10thisIsNoRealToken12.itOpensNothing1234567890abcdefghijklmnopqrst"

// scenes has one for each code of the subject.
func scenes(t *testing.T) []scene {
	sealed := fixture(t, "two-recipients.yaml")
	change := func(old, with string) []string {
		t.Helper()
		if !strings.Contains(sealed, old) {
			t.Fatalf("the fixture has no %q", old)
		}
		return []string{strings.Replace(sealed, old, with, 1)}
	}
	const rule = "^(data|stringData)$"
	second := strings.Replace(fixture(t, "edited.yaml"), "namespace: restate-operator", "namespace: shop", 1)
	mac := func(text string) string {
		return text[strings.Index(text, "  mac: "):strings.Index(text, "  mac_only")]
	}
	return []scene{
		{code: diag.SecretInSpec, spec: "annotations: {example.com/a: " + fakeToken + "}\n", secrets: []string{sealed}, told: "package cli"},
		{code: diag.PlaintextSecret, secrets: change("stringData:\n", "stringData:\n  note: plain\n")},
		{code: diag.NotOneSecret, secrets: change("metadata:\n", "metadata:\n  labels: {a: &a b, c: *a}\n")},
		{code: diag.WrongSecret, secrets: change("name: restate-identity", "name: another")},
		{code: diag.SecretKey, tunnel: "key: api-key", secrets: []string{sealed}},
		{code: diag.NotSealed, secrets: change(mac(sealed), "")},
		{code: diag.NotMACOnly, secrets: change("  mac_only_encrypted: true\n", "")},
		{code: diag.SecretMetadata, secrets: change("metadata:\n", "metadata:\n  finalizers: [example.com/a]\n")},
		{code: diag.SecretNotSeen},
		{code: diag.SecretFile, files: "[c.yaml]", secrets: []string{sealed}},
		{code: diag.FilesRefused, files: "[a.yaml]", secrets: []string{sealed}},
		{code: diag.MalformedENC, secrets: change("type:str]\ntype:", "type:str]x\ntype:")},
		{code: diag.SecretElsewhere, secrets: change("namespace: restate-operator", "namespace: shop")},
		{code: diag.SecretEmpty, secrets: change("stringData:\n", "stringData:\n  note: \"\"\n")},
		{code: diag.RuleTooWide, secrets: change(rule, "(data|stringData)")},
		{code: diag.RuleMisses, secrets: change(rule, "^data$")},
		{code: diag.RuleTooNarrow, secrets: change(rule, "^stringData$")},
		{code: diag.KeyOrder, secrets: []string{fixture(t, "unsorted.yaml")}},
		{code: diag.MACOverMetadata, spec: "secrets: {requireMacOnlyEncrypted: false}\n", secrets: change("  mac_only_encrypted: true\n", ""), told: "package cli, which prints no notes"},
		{code: diag.SharedMAC, files: "[a.yaml, b.yaml]", secrets: []string{sealed, strings.Replace(second, mac(second), mac(sealed), 1)}, told: "package cli"},
		{code: diag.PlainComment, secrets: change("stringData:\n", "stringData:\n  # plain\n")},
		{code: diag.SealedComment, secrets: []string{fixture(t, "commented.yaml")}},
		{code: diag.UnknownRecipient, spec: "secrets: {recipients: [age1a]}\n", secrets: []string{sealed}},
		{code: diag.TooFewRecipients, spec: "secrets: {minRecipients: 3}\n", secrets: []string{sealed}},
		{code: diag.OneRecipient, secrets: []string{fixture(t, "sealed.yaml")}},
		{code: diag.MixedRecipients, secrets: change("recipient: age1", "recipient: age1pq1")},
		{code: diag.BadRecipient, spec: "secrets: {recipients: [\"a,b\"]}\n", secrets: []string{sealed}},
		{code: diag.SecretInItem, secrets: []string{sealed}, item: settings("data: {token: " + fakeToken + "}\n"), told: "package cli"},
		{code: diag.ShortSecret, secrets: []string{fixture(t, "short.yaml")}},
		{
			code: diag.SharedCredential, spec: "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {a: {namespace: shop}}\n", roles: ", admin: {name: restate-identity}",
			secrets: change("namespace: restate-operator", "namespace: restate"),
		},
	}
}

func settings(rest string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\n" + rest
}

// in renders the scene in one form of a host.
func (s scene) in(host diag.Host) output {
	files := fileMap{}
	var items []string
	for i, text := range s.secrets {
		name := string(rune('a'+i)) + ".yaml"
		files[name] = text
		items = append(items, inFile(host, name, text))
	}
	if s.item != "" {
		items = append(items, inFile(host, "item.yaml", s.item))
	}
	tunnel := []string{s.tunnel}
	switch {
	case s.files != "":
		tunnel = append(tunnel, "files: "+s.files)
	case len(s.secrets) > 0 && (host == diag.Generator || host == diag.KptRender):
		tunnel = append(tunnel, "files: [a.yaml]")
	}
	config := integration(s.spec + "credentials: {tunnel: {" + strings.Trim(strings.Join(tunnel, ", "), ", ") + "}" + s.roles + "}\n")
	switch host {
	case diag.Generator:
		return runFiles(list(config, config), files)
	case diag.Transformer:
		return run(list("", append(items, config)...))
	case diag.KptRender:
		config = inFile(host, "integration.yaml", config)
	}
	return run(list(config, items...))
}

// inFile adds what kpt keeps on an item that has a file.
func inFile(host diag.Host, file, text string) string {
	if host == diag.Generator || host == diag.Transformer {
		return text
	}
	annotations := "internal.config.kubernetes.io/path: " + file + "\n    internal.config.kubernetes.io/index: \"0\"\n"
	if strings.Contains(text, "  annotations:\n") {
		return strings.Replace(text, "  annotations:\n", "  annotations:\n    "+annotations, 1)
	}
	before, after, _ := strings.Cut(text, "\n  name: ")
	return before + "\n  annotations:\n    " + annotations + "  name: " + after
}

// TestSecretsAreCheckedWhereTheReferenceSays shows each scene to every host, and holds what it finds against the table of package
// diag, of which the reference is made.
func TestSecretsAreCheckedWhereTheReferenceSays(t *testing.T) {
	all := scenes(t)
	for _, e := range diag.Catalogue() {
		if of := slices.ContainsFunc(all, func(s scene) bool { return s.code == e.Code }); of != (len(diag.CheckedBy(e.Code)) > 0) {
			t.Errorf("%s (%s): has a scene: %v", e.Code, e.Title, of)
		}
	}
	for _, s := range all {
		for _, host := range diag.Hosts() {
			want := slices.Contains(diag.CheckedBy(s.code), host)
			switch {
			case host == diag.SecretsStatus: // tested by package secretscli
			case host != diag.SecretsCheck:
				out := s.in(host)
				if got := slices.Contains(out.codes(), string(s.code)); got != want {
					t.Errorf("%s in %s: found: %v, want %v; stderr:\n%s", s.code, host, got, want, out.stderr)
				}
			case s.told == "":
				if got := s.check(t); got != want {
					t.Errorf("%s in %s: found: %v, want %v", s.code, host, got, want)
				}
			}
		}
	}
}

// check is what the command finds.
func (s scene) check(t *testing.T) bool {
	t.Helper()
	var in struct{ generators.SecretPolicy }
	for _, i := range integrations(t, []byte(list(integration(s.spec)))) {
		in.SecretPolicy = generators.SecretPolicyOf(i.Spec.Secrets)
	}
	return slices.ContainsFunc(s.secrets, func(text string) bool {
		return slices.ContainsFunc(generators.CheckSecret(sopsfile.ReadFile("a.yaml", []byte(text)), in.SecretPolicy), func(d diag.Diagnostic) bool {
			return d.Code == s.code
		})
	})
}

// TestSecretOfAFileIsPassedOnAsItIs, unless somebody else delivers it.
func TestSecretOfAFileIsPassedOnAsItIs(t *testing.T) {
	sealed := fixture(t, "two-recipients.yaml")
	for delivery, want := range map[string]bool{"PassThrough": true, "External": false} {
		config := integration("secrets: {delivery: " + delivery + "}\ncredentials: {tunnel: {files: [a.yaml]}}\n")
		out := runFiles(list(config, config), fileMap{"a.yaml": sealed})
		if out.code != 0 {
			t.Fatal(out.stderr)
		}
		if got := strings.Contains(out.stdout, "- "+strings.TrimPrefix(indent(2, sealed), "  ")); got != want {
			t.Errorf("%s: the Secret is in the output: %v\n%s", delivery, got, out.stdout)
		}
		if !want && strings.Contains(out.stdout, "kind: Secret\n") {
			t.Errorf("%s: a Secret is in the output:\n%s", delivery, out.stdout)
		}
		if out.get(t, "RestateCloudEnvironment prod").Metadata.Annotations[generators.AnnotationDigest] == "" {
			t.Errorf("%s: no digest", delivery)
		}
	}
	item := run(list(integration("secrets: {delivery: External}\n"), sealed))
	if item.code != 0 || !strings.Contains(item.stdout, indent(2, sealed)[1:]) {
		t.Errorf("an item is not kept, exit code %d:\n%s", item.code, item.stdout)
	}
}

// TestWhatMakesASecret: kinds that make the Secret in the cluster count as the Secret, each by its own rule of the name.
func TestWhatMakesASecret(t *testing.T) {
	object := func(apiVersion, kind, name, spec string) string {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: restate-operator}\nspec: " + spec + "\n"
	}
	const own = "restate-identity"
	for _, tt := range []struct {
		reason, item string
		found        bool
	}{
		{"named by its target", object("external-secrets.io/v1", "ExternalSecret", "a", "{target: {name: "+own+"}}"), true},
		{"named as itself", object("external-secrets.io/v1beta1", "ExternalSecret", own, "{secretStoreRef: {name: a}}"), true},
		{"its target has another name", object("external-secrets.io/v1", "ExternalSecret", own, "{target: {name: a}}"), false},
		{"it only adds to a Secret", object("external-secrets.io/v1", "ExternalSecret", own, "{target: {creationPolicy: Merge}}"), false},
		{"it makes none", object("external-secrets.io/v1", "ExternalSecret", own, "{target: {creationPolicy: None}}"), false},
		{"it stays when its maker goes", object("external-secrets.io/v1", "ExternalSecret", own, "{target: {creationPolicy: Orphan}}"), true},
		{"the target is a list", object("external-secrets.io/v1", "ExternalSecret", own, "{target: [a]}"), true},
		{"a sealed one", object("bitnami.com/v1alpha1", "SealedSecret", own, "{template: {metadata: {name: a}}}"), true},
		{"another sealed one", object("bitnami.com/v1alpha1", "SealedSecret", "a", "{}"), false},
		{"of Vault", object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "a", "{destination: {name: "+own+", create: true}}"), true},
		{"of Vault, for another", object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", own, "{destination: {name: a}}"), false},
		{"of Vault, for nobody", object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", own, "{}"), false},
		{"a kind of somebody else", object("example.com/v1", "ExternalSecret", own, "{}"), false},
		{"in another namespace", strings.Replace(object("bitnami.com/v1alpha1", "SealedSecret", own, "{}"), "restate-operator", "shop", 1), false},
	} {
		spec := "networkPolicy: {restateCloud: {tunnelPorts: [9090]}}\ncredentials: {tunnel: {rolloutKey: \"1\"}}\n"
		out := succeeds(t, list(integration(spec), tt.item))
		if got := !slices.Contains(out.codes(), string(diag.SecretNotSeen)); got != tt.found {
			t.Errorf("%s: found: %v, want %v", tt.reason, got, tt.found)
		}
		if !strings.Contains(out.stdout, indent(2, tt.item)[1:]) {
			t.Errorf("%s: the object is not kept as it was:\n%s", tt.reason, out.stdout)
		}
	}
}

// TestSecretInAConfigMap: the place is named, and nothing else is said of the object.
func TestSecretInAConfigMap(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(fakeToken))
	const seed = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
	for _, tt := range []struct{ reason, item, want string }{
		{"a value", settings("data: {a: b, token: " + fakeToken + "}\n"), "data[token]: must not hold a Restate Cloud API key"},
		{"in the midst of a file", settings("data:\n  a.yaml: |\n    token: " + fakeToken + "\n"), "data[a.yaml]: "},
		{"another kind of secret", settings("data: {keys.txt: " + seed + "}\n"), "data[keys.txt]: must not hold an age identity"},
		{"in base64", settings("binaryData: {token: " + encoded + "}\n"), "binaryData[token]: "},
		{"as a key", settings("data: {" + fakeToken + ": a}\n"), "data[[redacted]]: "},
		{"in an annotation", strings.Replace(settings(""), "metadata:\n", "metadata:\n  annotations: {a: "+fakeToken+"}\n", 1), "metadata[annotations][a]: "},
		{"in a list that has no place there", settings("data: [a, " + fakeToken + "]\n"), "data[1]: "},
		{"no secret", settings("data: {a: b, key_id: \"1\"}\nbinaryData: {a: AAAA}\n"), ""},
		{"another kind of object", strings.Replace(settings("data: {token: "+fakeToken+"}\n"), "kind: ConfigMap", "kind: Settings", 1), ""},
		{"a ConfigMap of somebody else", strings.Replace(settings("data: {token: "+fakeToken+"}\n"), "apiVersion: v1", "apiVersion: example.com/v1", 1), ""},
	} {
		out := run(list(integration(quiet), tt.item))
		if found := slices.Contains(out.codes(), string(diag.SecretInItem)); found != (tt.want != "") || found != (out.code == 1) {
			t.Errorf("%s: exit code %d:\n%s", tt.reason, out.code, out.stderr)
		}
		if !strings.Contains(out.stderr, tt.want) || tt.want != "" && !strings.Contains(out.stderr, "ConfigMap shop/settings") {
			t.Errorf("%s: want %q in:\n%s", tt.reason, tt.want, out.stderr)
		}
		for _, hidden := range []string{fakeToken, encoded, seed} {
			if strings.Contains(out.stderr+out.resultList(), hidden) {
				t.Errorf("%s: the secret is printed:\n%s", tt.reason, out.stderr)
			}
		}
	}
	if out := run(list("", settings("data: {token: "+fakeToken+"}\n"))); out.code != 0 {
		t.Errorf("without an integration nobody asked for it, exit code %d:\n%s", out.code, out.stderr)
	}
}
