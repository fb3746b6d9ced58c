// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// volume is one of a ConfigMap or Secret, below a directory of the machine. Its files change as the kubelet's do
// (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go): all at once, by the rename of one symbolic link.
type volume struct {
	dir    string
	source string             // the ConfigMap or Secret
	secret bool               // which of the two
	items  []corev1.KeyToPath // none: every key under its own name
	mode   os.FileMode
	live   string // the directory that ..data leads to
}

func newVolume(dir string, v corev1.Volume) (*volume, error) {
	out := &volume{dir: dir, mode: 0o644}
	var mode *int32
	switch {
	case v.ConfigMap != nil:
		out.source, out.items, mode = v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.DefaultMode
	case v.Secret != nil:
		out.source, out.items, mode, out.secret = v.Secret.SecretName, v.Secret.Items, v.Secret.DefaultMode, true
	default:
		return nil, fmt.Errorf("volume %s is neither a ConfigMap nor a Secret", v.Name)
	}
	if mode != nil {
		out.mode = os.FileMode(*mode)
	}
	return out, os.MkdirAll(dir, 0o755)
}

// project makes the files those of data. A key that an item names and data has not changes nothing: the kubelet tries again later.
func (v *volume) project(data map[string][]byte) error {
	files := map[string][]byte{}
	for _, item := range v.items {
		value, found := data[item.Key]
		if !found {
			return fmt.Errorf("%s has no key %s: a pod would wait for it", v.source, item.Key)
		}
		files[item.Path] = value
	}
	if v.items == nil {
		files = data
	}
	next := time.Now().UTC().Format("..2006_01_02_15_04_05.000000000")
	if err := os.Mkdir(filepath.Join(v.dir, next), 0o755); err != nil {
		return err
	}
	for name, value := range files {
		if err := os.WriteFile(filepath.Join(v.dir, next, name), value, v.mode|0o400); err != nil {
			return err
		}
	}
	return v.swap(next, files)
}

func (v *volume) swap(next string, files map[string][]byte) error {
	temporary := filepath.Join(v.dir, "..data_tmp")
	if err := os.Symlink(next, temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, filepath.Join(v.dir, "..data")); err != nil {
		return err
	}
	for name := range files {
		link := filepath.Join(v.dir, name)
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join("..data", name), link); err != nil {
			return err
		}
	}
	old := v.live
	v.live = next
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(v.dir, old))
}
