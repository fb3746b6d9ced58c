// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/specfile"
)

// project is the directory of a RestateIntegration, and what its spec asks of Secrets.
type project struct {
	// root is the directory. No path and no link leads out of it.
	root *os.Root
	// dir is its absolute path, base the name of the file in it.
	dir, base   string
	policy      generators.SecretPolicy
	maxAge      time.Duration
	credentials []credential
	needs       []need
	// accountJWT is the file of the NATS account that is signed elsewhere, empty when there is none.
	accountJWT string
}

// need is one Secret that the spec asks for.
type need struct {
	namespace, name string
	// keys has a key for each credential in the Secret.
	keys []needKey
	// files are the entries of spec.credentials for it, of all namespaces.
	files []string
	// maker is set when somebody else makes the Secret, as every role says that reads it.
	maker string
}

// needKey is a key of a Secret. The role is the name of a credential, which may be that of a user.
type needKey struct{ role, key string }

// title is how messages call the Secret.
func (n need) title() string { return redact.Text(n.namespace) + "/" + redact.Text(n.name) }

// role is the one that reads the key, empty when none does.
func (n need) role(key string) string {
	for _, k := range n.keys {
		if k.key == key {
			return k.role
		}
	}
	return ""
}

// openProject reads the spec. What is wrong with other parts of it than those that Secrets depend on is for the function to say.
func openProject(file string, stderr io.Writer) (*project, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, unableError{fmt.Errorf("cannot read %s: %w; -f names the file of the RestateIntegration", file, cause(err))}
	}
	in, ds, err := specfile.Read(data)
	if err != nil {
		return nil, invalid("%s: %w", redact.Path(file), err)
	}
	if in == nil || slices.ContainsFunc(ds, blocks) {
		return nil, report(stderr, file, slices.DeleteFunc(ds, passes))
	}
	if _, ds = generators.Resolve(in, generators.Input{}); slices.ContainsFunc(ds, blocks) { // fills in the defaults, too
		return nil, report(stderr, file, slices.DeleteFunc(ds, passes))
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, unableError{err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unableError{err}
	}
	p := &project{
		root: root, dir: dir, base: filepath.Base(file), policy: generators.SecretPolicyOf(in.Spec.Secrets),
		maxAge: in.Spec.Secrets.MaxAge.Duration, credentials: credentialsOf(in), accountJWT: accountJWTOf(in),
	}
	p.needs = needs(p.credentials)
	return p, nil
}

// cause is an error without the path, which the caller names as the user wrote it.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// concerns are the fields that decide which Secrets there must be. A path that is empty is about the whole file.
var concerns = []string{
	"apiVersion", "metadata", "spec.credentials", "spec.secrets", "spec.tunnel.mode", "spec.tunnel.operator", "spec.nats.account.mode",
}

// secretOf is what of a user and of a gateway decides the same. Public keys may be missing: seal writes them.
var secretOf = regexp.MustCompile(`^spec\.(nats\.account\.users(\[[^\]]*\](\.secretRef.*)?)?|` +
	`gateway(\.auth(\.apiKeys.*)?|\.domains(\[[^\]]*\](\.(apiKeys|credential).*)?)?)?)$`)

// blocks reports whether a finding leaves open which Secrets there must be.
func blocks(d diag.Diagnostic) bool {
	concern := func(c string) bool { return strings.HasPrefix(d.Path, c) }
	return d.Severity() == diag.Error && (d.Path == "" || slices.ContainsFunc(concerns, concern) || secretOf.MatchString(d.Path))
}

func passes(d diag.Diagnostic) bool { return !blocks(d) }

// report writes findings as the function does, and returns errReported when one is an error.
func report(stderr io.Writer, file string, ds []diag.Diagnostic) error {
	for _, d := range ds {
		d.Subject = diag.Subject{File: filepath.ToSlash(file)}
		fmt.Fprintln(stderr, d.Line())
	}
	if diag.HasError(ds) {
		return errReported
	}
	return nil
}

// needs lists the Secrets of the credentials, those of several once.
func needs(credentials []credential) []need {
	var out []need
	for _, c := range credentials {
		for _, namespace := range c.Namespaces {
			i := slices.IndexFunc(out, func(n need) bool { return n.namespace == namespace && n.name == c.Credential.Name })
			if i < 0 {
				i, out = len(out), append(out, need{namespace: namespace, name: c.Credential.Name, maker: c.maker})
			}
			n := &out[i]
			n.keys = append(n.keys, needKey{c.Name, c.Key})
			n.files = append(n.files, c.Files...)
			if c.maker == "" {
				n.maker = ""
			}
		}
	}
	return out
}
