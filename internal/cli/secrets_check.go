// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/specfile"
)

// unvisited are the directories that hold no source: of git, and the caches of kpt (KPT_CACHE_DIR) and of the XDG convention.
var unvisited = []string{".git", ".kpt", ".cache"}

func newSecretsCheck() *cobra.Command {
	var integration string
	cmd := &cobra.Command{
		Use:   "check PATH...",
		Short: "Check that no secret stands in plain text in these files and directories",
		Long: `Check every YAML document of the files, and of the *.yaml, *.yml and *.json files below the directories. No key is needed.

A v1 Secret must pass the checks that the function makes: encrypted by sops in all its values, alone in its file, with a MAC that
survives kustomize. No other document, and no comment, may hold a Restate Cloud API key, an age identity, a NATS seed or a private
key. Findings name the place, never the value. In directories, symbolic links are not followed, and .git, .kpt and .cache are
left out.

Exit code: 1 with an error, 0 without, 2 when the check could not be made.`,
		Example: "  restate-integration secrets check .\n  restate-integration secrets check -f integration.yaml secrets",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			c := checker{err: cmd.ErrOrStderr(), seen: map[string]bool{}}
			return c.run(integration, paths)
		},
	}
	cmd.Flags().StringVarP(&integration, "file", "f", "", "the RestateIntegration whose spec.secrets applies; without it, the defaults apply")
	return cmd
}

// checker goes through files, writes a line for each finding, and counts.
type checker struct {
	err    io.Writer
	policy generators.SecretPolicy
	known  []generators.Secret // with the file that each is in
	seen   map[string]bool     // by cleaned path

	files, secrets, errors, warnings, unread int
}

// run checks all paths before it fails. What cannot be read ends it: nothing could be said of the whole.
func (c *checker) run(integration string, paths []string) error {
	if err := c.readPolicy(integration); err != nil {
		return err
	}
	for _, path := range paths {
		if err := c.path(path); err != nil {
			return unableError{err}
		}
	}
	fmt.Fprintf(c.err, "%s, %s: %s, %s", count(c.files, "file"), count(c.secrets, "Secret"), count(c.errors, "error"), count(c.warnings, "warning"))
	if c.unread > 0 {
		fmt.Fprintf(c.err, ", %s not checked", count(c.unread, "file"))
	}
	if _, err := fmt.Fprintln(c.err); err != nil {
		return unableError{err}
	}
	if c.errors > 0 {
		return exitError(exitInvalid)
	}
	return nil
}

// readPolicy takes the policy of the spec in a file, or the one that holds without a spec.
func (c *checker) readPolicy(file string) error {
	c.policy = generators.SecretPolicyOf(v1alpha1.Secrets{})
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return unableError{pathError(err)}
	}
	in, ds, err := specfile.Read(data)
	if err != nil {
		return invalidError{fmt.Errorf("%s %w", redact.Path(file), err)}
	}
	for _, d := range ds {
		c.report(filepath.ToSlash(file), finding{0, d})
	}
	if c.errors > 0 {
		return exitError(exitInvalid)
	}
	c.policy = generators.SecretPolicyOf(in.Spec.Secrets)
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// path checks a file, or all files of a directory.
func (c *checker) path(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return pathError(err)
	case info.IsDir():
		return c.directory(path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s must be a file or a directory", redact.Path(path))
	}
	return c.file(path, true)
}

func (c *checker) directory(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return pathError(err)
		case d.IsDir() && path != root && slices.Contains(unvisited, d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			return c.file(path, false)
		}
		return nil
	})
}

// file checks one file. Directories are full of YAML that is none, as the templates of Helm charts; a file that was named must
// not pass as checked.
func (c *checker) file(path string, named bool) error {
	path = filepath.Clean(path)
	if c.seen[path] {
		return nil
	}
	c.seen[path] = true
	data, err := os.ReadFile(path)
	if err != nil {
		return pathError(err)
	}
	c.files++
	name := filepath.ToSlash(path)
	i := inspect(name, data, c.check)
	c.secrets += i.secrets
	for _, f := range i.findings {
		c.report(name, f)
	}
	if i.unread != "" {
		c.unread++
		if named {
			fmt.Fprintf(c.err, "%s: not checked for Secrets: %s\n", redact.Path(name), i.unread)
		}
	}
	return nil
}

// report writes a finding in the form that editors and CI systems make links of.
func (c *checker) report(name string, f finding) {
	switch f.Severity() {
	case diag.Error:
		c.errors++
	case diag.Warning:
		c.warnings++
	default:
		return
	}
	place := redact.Path(name)
	if f.line > 0 {
		place = fmt.Sprintf("%s:%d", place, f.line)
	}
	fmt.Fprintf(c.err, "%s: %s\n", place, f.Line())
}

// pathError is the error of a file without the words that may hold more than the path.
func pathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", redact.Path(p.Path), p.Err)
	}
	return err
}

// check returns what is wrong with a Secret, by itself and beside those before it.
func (c *checker) check(s generators.Secret) []diag.Diagnostic {
	if s.Keys != nil && len(s.Keys) == 0 && s.MAC == "" {
		// Nothing is in it that could be encrypted, as in the Secret of a service account token.
		return slices.DeleteFunc(s.Problems, func(d diag.Diagnostic) bool { return d.Code == diag.NotSealed })
	}
	ds := generators.CheckSecret(s, c.policy)
	for _, other := range c.known {
		if generators.EncryptedTogether(s, other) {
			ds = append(ds, diag.Diagnostic{
				Code: diag.SharedMAC, Message: "must not have the MAC of the Secret in " + redact.Path(other.File),
				Hint: "they were encrypted as one file: write each into a file of its own, and encrypt it again",
			})
		}
	}
	c.known = append(c.known, s)
	return ds
}
