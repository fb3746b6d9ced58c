// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// maxSecretFile is the size limit of an encrypted Secret, in bytes, as in the function.
const maxSecretFile = 1 << 20

// found is a file that holds a Secret which the spec asks for.
type found struct {
	// file is slash-separated and relative to the directory of the spec.
	file   string
	data   []byte
	secret generators.Secret
}

// find returns the files of each need, in the order of the needs: those that the spec names, or else whatever YAML and JSON files
// below its directory hold the Secret.
func (p *project) find() ([][]found, error) {
	out := make([][]found, len(p.needs))
	files, err := p.files()
	if err != nil {
		return nil, unableError{err}
	}
	for _, file := range files {
		data, err := p.root.ReadFile(filepath.FromSlash(file))
		if err != nil || len(data) > maxSecretFile || !bytes.Contains(data, []byte("Secret")) {
			continue // not there, not for us to read, or no Secret
		}
		secret := sopsfile.ReadFile(file, data)
		for i, n := range p.needs {
			if secret.Name == n.name && secret.Namespace == n.namespace && (n.lists(file) || len(out[i]) == 0 || !n.lists(out[i][0].file)) {
				out[i] = append(out[i], found{file, data, secret})
			}
		}
	}
	return out, nil
}

// lists reports whether the spec names the file for the Secret.
func (n need) lists(file string) bool {
	return slices.ContainsFunc(n.files, func(f string) bool { return clean(f) == file })
}

// clean is a path of the spec as this package writes paths.
func clean(file string) string { return path.Clean(filepath.ToSlash(file)) }

// files lists what may hold a Secret. Links are not followed, but where the spec names one, and directories that begin with a dot
// belong to other tools (.git, .terraform).
func (p *project) files() ([]string, error) {
	var files []string
	for _, n := range p.needs {
		for _, file := range n.files {
			if file = clean(file); !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	err := fs.WalkDir(p.root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && entry != nil && entry.IsDir() && file != ".":
			return fs.SkipDir // a directory of somebody else
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != ".":
			return fs.SkipDir
		case entry.Type().IsRegular() && slices.Contains(extensions, path.Ext(file)) && !slices.Contains(files, file):
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// extensions are those of the files in which kustomize and kpt look for objects.
var extensions = []string{".yaml", ".yml", ".json"}
