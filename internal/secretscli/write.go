// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// write puts a file in place as a whole or not at all: a reader never sees half of it, and a full disk leaves the old one. The file
// is slash-separated and relative to the directory of the spec. Its mode stays; a new one is readable for all, because everything
// in it is encrypted.
func (p *project) write(file string, data []byte) error {
	file = filepath.FromSlash(file)
	mode := os.FileMode(0o644)
	if info, err := p.root.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := p.root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return unableError{fmt.Errorf("cannot write %s: %w", file, cause(err))}
	}
	part := filepath.Join(filepath.Dir(file), ".part-"+rand.Text())
	err := p.writePart(part, data, mode)
	if err == nil {
		err = p.root.Rename(part, file)
	}
	if err != nil {
		_ = p.root.Remove(part)
		return unableError{fmt.Errorf("cannot write %s: %w", file, cause(err))}
	}
	return nil
}

func (p *project) writePart(part string, data []byte, mode os.FileMode) error {
	f, err := p.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	for _, step := range []func() error{f.Sync, func() error { return f.Chmod(mode) }} {
		if err == nil {
			err = step()
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// abs is the path of a file as sops takes it.
func (p *project) abs(file string) string {
	return filepath.Join(p.dir, filepath.FromSlash(file))
}
