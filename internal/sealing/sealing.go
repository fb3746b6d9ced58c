// SPDX-License-Identifier: Apache-2.0

// Package sealing encrypts, opens and changes v1 Secrets with sops. It is the only importer of sops, whose packages are larger than
// the function, so that nothing of the function may import it.
//
// Errors of sops quote what they could not read, which may be a value in plain text. None of them leaves the package: each is put
// into words of ours that name the place, the cause and the remedy.
package sealing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/version"
)

// Plain is a Secret before it is encrypted. It is never written anywhere.
type Plain struct {
	Namespace, Name string
	// Values go into stringData.
	Values map[string]string
}

// Seal encrypts the Secret by the rule. The file's name decides between YAML and JSON. Keys are in sorted order, because kustomize
// writes them so, and a MAC depends on the order.
func (p Plain) Seal(file string, rule Rule, now time.Time) ([]byte, error) {
	quiet()
	d := document{file: file, store: storeFor(file, rule.indent), cipher: aes.NewCipher(), tree: sops.Tree{
		FilePath: file,
		Branches: sops.TreeBranches{p.tree()},
		Metadata: sops.Metadata{
			KeyGroups: rule.creation.KeyGroups, ShamirThreshold: rule.creation.ShamirThreshold,
			EncryptedRegex: rule.creation.EncryptedRegex, MACOnlyEncrypted: rule.creation.MACOnlyEncrypted,
			Version: version.Version,
		},
	}}
	key, errs := d.tree.GenerateDataKeyWithKeyServices(services())
	if len(errs) > 0 {
		return nil, cannotEncryptTo(d.tree.Metadata, errs)
	}
	return d.encrypt(key, now)
}

// tree is the Secret as sops holds it.
func (p Plain) tree() sops.TreeBranch {
	var values sops.TreeBranch
	for _, key := range slices.Sorted(maps.Keys(p.Values)) {
		values = append(values, sops.TreeItem{Key: key, Value: p.Values[key]})
	}
	return sops.TreeBranch{
		{Key: "apiVersion", Value: "v1"},
		{Key: "kind", Value: "Secret"},
		{Key: "metadata", Value: sops.TreeBranch{{Key: "name", Value: p.Name}, {Key: "namespace", Value: p.Namespace}}},
		{Key: "stringData", Value: values},
		{Key: "type", Value: "Opaque"},
	}
}

// Decrypt returns the values of an encrypted Secret by key, after its MAC was verified. What stands in data is decoded.
func Decrypt(file string, data []byte) (map[string]string, error) {
	d, err := open(file, data)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range d.values() {
		text, ok := v.item.Value.(string)
		if !ok {
			return nil, fmt.Errorf("%s must hold text", v.place())
		}
		if v.section == "data" {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("%s must be base64, as everything in data", v.place())
			}
			text = string(decoded)
		}
		out[v.key] = text
	}
	return out, nil
}

// ErrSameValue says that there is nothing to replace.
var ErrSameValue = errors.New("the new value must differ from the one that is there")

// SetValue replaces one value. The data key, the recipients and the ciphertext of all other values stay, so that three lines of
// the file change: the value, sops.lastmodified and sops.mac.
func SetValue(file string, data []byte, key, value string, now time.Time) ([]byte, error) {
	d, err := open(file, data)
	if err != nil {
		return nil, err
	}
	values := d.values()
	i := slices.IndexFunc(values, func(v entry) bool { return v.key == key })
	if i < 0 {
		return nil, errors.New("has no such key")
	}
	if values[i].section == "data" {
		value = base64.StdEncoding.EncodeToString([]byte(value))
	}
	if values[i].item.Value == value {
		return nil, ErrSameValue
	}
	values[i].item.Value = value
	return d.encrypt(d.tree.Metadata.DataKey, now)
}

// quiet silences the loggers of sops: they write to standard error, and quote comments that were not encrypted.
var quiet = sync.OnceFunc(func() {
	for _, logger := range logging.Loggers {
		logger.SetOutput(io.Discard)
	}
})
