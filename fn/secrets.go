// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// maxSecretFile is the size limit of an encrypted Secret: the API server takes no larger one.
const maxSecretFile = 1 << 20

// secretFiles brings the Secrets that credentials.<role>.files names, in the way of the host's form.
type secretFiles interface {
	// read returns the Secret of one entry. text is what is to be passed on, nil when the Secret is an item already.
	read(name string) (secret generators.Secret, text []byte, problem *diag.Diagnostic)
	// bytes returns a file that is no object, as the JWT of an account is none.
	bytes(name string) ([]byte, *diag.Diagnostic)
}

// secrets finds every Secret that the spec names: first the entries of files, then the items of the package.
func (j *job) secrets(p *pkg, in *v1alpha1.RestateIntegration) (generators.Input, []diag.Diagnostic) {
	var input generators.Input
	var ds []diag.Diagnostic
	named := map[string]bool{}
	for _, role := range generators.Roles(in) {
		named[role.Credential.Name] = true
		ds = append(ds, j.secretsOf(role, in.Spec.Secrets.Delivery, &input)...)
	}
	for _, e := range p.items {
		if !e.isSecret() || !named[e.meta.Name] {
			continue
		}
		if !slices.ContainsFunc(input.Secrets, func(s generators.Secret) bool {
			return s.File != "" && s.Name == e.meta.Name && s.Namespace == e.meta.Namespace
		}) {
			secret := sopsfile.ReadItem(e.Node())
			// One that cannot be read must not pass for one that is not there.
			secret.Name, secret.Namespace = e.meta.Name, e.meta.Namespace
			input.Secrets = append(input.Secrets, secret)
		}
	}
	for _, e := range p.items {
		if e.isSecret() && !named[e.meta.Name] {
			input.Others = append(input.Others, sopsfile.ReadItem(e.Node()))
		}
		if made, found := e.makesSecret(); found {
			input.Made = append(input.Made, made)
		}
	}
	return input, append(ds, j.accountJWT(in, &input)...)
}

// accountJWT reads the one file that is no Secret.
func (j *job) accountJWT(in *v1alpha1.RestateIntegration, input *generators.Input) []diag.Diagnostic {
	n := in.Spec.NATS
	if n == nil || n.Account.Mode != v1alpha1.AccountJWT || n.Account.JWT == nil || n.Account.JWT.File == "" {
		return nil // what is missing is reported with the spec
	}
	data, problem := j.files.bytes(n.Account.JWT.File)
	if problem == nil && len(data) == 0 {
		problem = &diag.Diagnostic{Code: diag.BadJWT, Message: "must hold an account JWT, and is empty"}
	}
	if problem != nil {
		problem.Path = generators.AccountJWTPath
		return []diag.Diagnostic{*problem}
	}
	input.AccountJWT = string(data)
	return nil
}

func (e entry) isSecret() bool { return e.meta.APIVersion == "v1" && e.meta.Kind == "Secret" }

// makesSecret tells which Secret an object makes in the cluster, of the kinds that say so in their spec: ExternalSecret
// (external-secrets.io, docs/api/externalsecret.md: by default named as itself, and not made with creationPolicy None or Merge),
// SealedSecret (bitnami-labs/sealed-secrets, README: of its own name) and VaultStaticSecret (hashicorp/vault-secrets-operator,
// docs/api/api-reference.md).
func (e entry) makesSecret() (generators.SecretName, bool) {
	var o struct {
		Spec struct {
			Target struct {
				Name   string
				Policy string `yaml:"creationPolicy"`
			}
			Destination struct{ Name string }
		}
	}
	_ = e.Node().Decode(&o) // what cannot be decoded makes no Secret that we know
	name := ""
	switch e.id.Group + "/" + e.id.Kind {
	case "external-secrets.io/ExternalSecret":
		if target := o.Spec.Target; target.Policy != "None" && target.Policy != "Merge" {
			name = cmp.Or(target.Name, e.meta.Name)
		}
	case "bitnami.com/SealedSecret":
		name = e.meta.Name
	case "secrets.hashicorp.com/VaultStaticSecret":
		name = o.Spec.Destination.Name
	}
	return generators.SecretName{Namespace: e.meta.Namespace, Name: name}, name != ""
}

// secretsOf reads the files of one role. A Secret with keys for two roles is read, and passed on, once.
func (j *job) secretsOf(role generators.Role, delivery v1alpha1.SecretDelivery, input *generators.Input) []diag.Diagnostic {
	var ds []diag.Diagnostic
	before := input.Secrets
	for i, name := range role.Files {
		at := role.Path().Child("files").Index(i)
		if slices.ContainsFunc(before, func(s generators.Secret) bool { return s.File == name && s.Name == role.Credential.Name }) {
			continue
		}
		secret, text, problem := j.files.read(name)
		if problem != nil {
			problem.Path = at.String()
			ds = append(ds, *problem)
			input.Secrets = append(input.Secrets, generators.Secret{Name: role.Credential.Name, File: name})
			continue
		}
		if secret.Name != role.Credential.Name && secret.Name != "" {
			ds = append(ds, otherSecret(at, role.Credential.Name, secret.Name))
		}
		// Keep findings on the document even when its name is not the one expected.
		secret.Name = role.Credential.Name
		secret.File = name
		input.Secrets = append(input.Secrets, secret)
		if text != nil && delivery != v1alpha1.DeliveryExternal {
			j.sealed = append(j.sealed, text)
		}
	}
	return ds
}

func otherSecret(path *field.Path, want, got string) diag.Diagnostic {
	return diag.Diagnostic{
		Code: diag.WrongSecret, Path: path.String(), Value: got, Hint: "give the file of the right Secret, or change the name",
		Message: fmt.Sprintf("must hold the Secret %q", want),
	}
}

// diskFiles reads below the kustomization root; *os.Root keeps symbolic links from leaving it.
type diskFiles struct{ Files }

func (d diskFiles) read(name string) (generators.Secret, []byte, *diag.Diagnostic) {
	data, problem := d.bytes(name)
	if problem != nil {
		return generators.Secret{}, nil, problem
	}
	return sopsfile.ReadFile(name, data), data, nil
}

func (d diskFiles) bytes(name string) ([]byte, *diag.Diagnostic) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, outside()
	}
	if d.Files == nil {
		return nil, &diag.Diagnostic{Code: diag.FilesRefused, Message: "cannot be read: the function sees no files here", Hint: filesHint}
	}
	data, err := d.ReadFile(filepath.FromSlash(path.Clean(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !d.kustomization():
		return nil, &diag.Diagnostic{
			Code: diag.SecretFile, Message: "leads to no file below the kustomization, which is not the working directory here, as in a container",
			Hint: "in a container put the encrypted Secret into resources and use the transformer form, or mount the directory of the file; elsewhere let kustomize run the function with exec",
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &diag.Diagnostic{Code: diag.SecretFile, Message: "leads to no file below the kustomization", Hint: "give the path relative to kustomization.yaml"}
	case err != nil:
		// The error's text would name the file's whole path on this machine.
		return nil, &diag.Diagnostic{
			Code: diag.SecretFile, Message: "cannot be read as a file below the kustomization", Hint: "check that it is a file, that it is readable, and that no link on the way leads outside",
		}
	case len(data) > maxSecretFile:
		return nil, &diag.Diagnostic{Code: diag.TooLarge, Message: "must be at most 1 MiB in size"}
	}
	return data, nil
}

// kustomization reports whether the working directory is a kustomization, as it is for a program that kustomize runs. A container has
// that of its image. The names are those of kustomize's konfig.RecognizedKustomizationFileNames.
func (d diskFiles) kustomization() bool {
	return slices.ContainsFunc([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, func(name string) bool {
		_, err := d.ReadFile(name)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

func outside() *diag.Diagnostic {
	return &diag.Diagnostic{Code: diag.SecretFile, Message: "must not leave the directory of the package", Hint: "give a relative path without .."}
}

// itemFiles finds the file among the items of the kpt package: the disk is not touched.
type itemFiles struct {
	p  *pkg
	at location
}

func (f itemFiles) read(name string) (generators.Secret, []byte, *diag.Diagnostic) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return generators.Secret{}, nil, outside()
	}
	want := location{f.at.pkg, path.Join(f.at.dir(), name)}
	var found []entry
	for _, e := range f.p.items {
		if e.at == want {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return generators.Secret{}, nil, &diag.Diagnostic{
			Code: diag.SecretFile, Message: "leads to no file of this package",
			Hint: "give the path relative to the RestateIntegration, and check that .krmignore does not leave it out",
		}
	case 1:
		return sopsfile.ReadItem(found[0].Node()), nil, nil
	}
	return generators.Secret{}, nil, &diag.Diagnostic{Code: diag.NotOneSecret, Message: "must lead to a file with one document", Hint: "keep each Secret in a file of its own"}
}

func (itemFiles) bytes(string) ([]byte, *diag.Diagnostic) { return nil, noObject() }

func (refusedFiles) bytes(string) ([]byte, *diag.Diagnostic) { return nil, noObject() }

func noObject() *diag.Diagnostic {
	return &diag.Diagnostic{
		Code: diag.FilesRefused, Message: "cannot be read here: a JWT is no object that kpt or a transformer is given", Hint: "use the generator form of kustomize, or account.mode ServerConfig or Nauth",
	}
}

const filesHint = "put the encrypted Secrets into the resources, and remove files"

// refusedFiles stands for the forms in which an entry of files can mean nothing.
type refusedFiles struct{}

func (refusedFiles) read(string) (generators.Secret, []byte, *diag.Diagnostic) {
	return generators.Secret{}, nil, &diag.Diagnostic{Code: diag.FilesRefused, Message: "must not be set when the function runs as a transformer, or through kpt fn eval", Hint: filesHint}
}
