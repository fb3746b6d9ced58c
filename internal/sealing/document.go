// SPDX-License-Identifier: Apache-2.0

package sealing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// document is one encrypted Secret. The cipher must be the same for decryption and encryption: it remembers the nonce of each value,
// by which a value that stays keeps its ciphertext.
type document struct {
	file   string
	store  sops.Store
	cipher aes.Cipher
	tree   sops.Tree
}

// entry is one value of data or stringData.
type entry struct {
	section, key string
	item         *sops.TreeItem
}

// place names the value in a message. A key is the user's text as well.
func (e entry) place() string { return e.section + "[" + redact.Text(e.key) + "]" }

// values lists what stands in data and stringData.
func (d *document) values() []entry {
	var out []entry
	for _, section := range d.tree.Branches[0] {
		name, _ := section.Key.(string)
		items, _ := section.Value.(sops.TreeBranch)
		if name != "data" && name != "stringData" {
			continue
		}
		for i := range items {
			if key, ok := items[i].Key.(string); ok { // else a comment
				out = append(out, entry{name, key, &items[i]})
			}
		}
	}
	return out
}

// unreadable are the findings with which a file cannot be decrypted, or would mean one thing to sops and another to Kubernetes. The
// others need not keep anybody from rotating a leaked value.
var unreadable = []diag.Code{diag.PlaintextSecret, diag.NotOneSecret, diag.NotSealed, diag.MalformedENC, diag.TooLarge}

// load parses an encrypted Secret, whose values stay encrypted.
func load(file string, data []byte) (*document, error) {
	quiet()
	for _, p := range sopsfile.ReadFile(file, data).Problems {
		if slices.Contains(unreadable, p.Code) {
			return nil, fmt.Errorf("%s [%s]", p.Text(), p.Code)
		}
	}
	d := &document{file: file, store: storeFor(file, indent(data)), cipher: aes.NewCipher()}
	err := guard(func() (err error) {
		d.tree, err = d.store.LoadEncryptedFile(data)
		return err
	})
	if err != nil || len(d.tree.Branches) != 1 {
		return nil, errors.New("must have a sops block that sops can read; take the file from before the last edit by hand, or seal it anew")
	}
	d.tree.FilePath = file
	return d, nil
}

// open decrypts the values in memory, and verifies the MAC.
func open(file string, data []byte) (*document, error) {
	d, err := load(file, data)
	if err != nil {
		return nil, err
	}
	key, err := d.dataKey()
	if err != nil {
		return nil, err
	}
	for _, v := range d.values() { // sops would stop without saying where
		text, _ := v.item.Value.(string)
		err := guard(func() error {
			_, err := d.cipher.Decrypt(text, key, v.section+":"+v.key+":")
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s must be the ciphertext that was written for this place; it was renamed, moved, copied or damaged", v.place())
		}
	}
	return d, d.verify(key)
}

// verify decrypts the tree and compares its MAC.
func (d *document) verify(key []byte) error {
	var computed string
	err := guard(func() (err error) {
		computed, err = d.tree.Decrypt(key, d.cipher)
		return err
	})
	meta := d.tree.Metadata
	if err != nil {
		return errors.New("must have ciphertext wherever sops.encrypted_regex asks for it, and has not; encrypt it again")
	}
	mac, err := d.cipher.Decrypt(meta.MessageAuthenticationCode, key, meta.LastModified.Format(time.RFC3339))
	switch {
	case err == nil && mac == computed:
		return nil
	case err != nil:
		return errors.New("must have the MAC that was written with it; sops.mac, sops.lastmodified or the recipients come from another version of the file")
	case meta.MACOnlyEncrypted:
		return errors.New("must match its MAC; an encrypted value was removed, put into another order, or brought back from an older version")
	}
	return errors.New("must match its MAC, which covers metadata too; something was changed after it was encrypted, maybe only a label")
}

// encrypt encrypts the values, writes the MAC anew, and returns the file.
func (d *document) encrypt(key []byte, now time.Time) ([]byte, error) {
	mac, err := d.tree.Encrypt(key, d.cipher)
	if err != nil {
		return nil, errors.New("the values cannot be encrypted")
	}
	meta := &d.tree.Metadata
	meta.LastModified = now.UTC().Truncate(time.Second)
	if meta.MessageAuthenticationCode, err = d.cipher.Encrypt(mac, key, meta.LastModified.Format(time.RFC3339)); err != nil {
		return nil, errors.New("the MAC cannot be encrypted")
	}
	return d.emit()
}

// emit returns the file, once it is certain that nothing in it is plain text.
func (d *document) emit() ([]byte, error) {
	data, err := d.store.EmitEncryptedFile(d.tree)
	if err != nil {
		return nil, errors.New("the file cannot be written in its form")
	}
	for _, p := range sopsfile.ReadFile(d.file, data).Problems {
		if slices.Contains(unreadable, p.Code) {
			return nil, fmt.Errorf("would not be encrypted as a whole: %s [%s]", p.Text(), p.Code)
		}
	}
	return data, nil
}

// dataKey asks all that sops knows for the key of the values.
func (d *document) dataKey() ([]byte, error) {
	var key []byte
	err := guard(func() (err error) {
		key, err = d.tree.Metadata.GetDataKeyWithKeyServices(services(), decryptionOrder())
		return err
	})
	if err != nil {
		return nil, cannotDecrypt(d.tree.Metadata)
	}
	return key, nil
}

// decryptionOrder is that of the sops command line.
func decryptionOrder() []string {
	if order := os.Getenv("SOPS_DECRYPTION_ORDER"); order != "" {
		return strings.Split(order, ",")
	}
	return sops.DefaultDecryptionOrder
}

// services finds keys as the sops command line does: in the environment, in files, in agents and in cloud services.
func services() []keyservice.KeyServiceClient {
	return []keyservice.KeyServiceClient{keyservice.NewLocalClient()}
}

// tryKey decrypts one recipient's copy of the data key, to learn why it cannot.
func tryKey(k keys.MasterKey) error {
	return guard(func() error {
		key := keyservice.KeyFromMasterKey(k)
		_, err := keyservice.NewLocalClient().Decrypt(context.Background(), &keyservice.DecryptRequest{Key: &key, Ciphertext: k.EncryptedDataKey()})
		return err
	})
}

// guard turns a panic of sops on crafted input into an error: a value of the type bytes, which it reads and never writes, is one.
func guard(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not readable")
		}
	}()
	return f()
}

// indentDefault is what kustomize and kubectl write. That of sops is 4.
const indentDefault = 2

var indented = regexp.MustCompile(`(?m)^( +)[^\s#-]`)

// indent is that of the first indented line, so that a change does not lay out the file anew.
func indent(data []byte) int {
	if m := indented.FindSubmatch(data); m != nil {
		return len(m[1])
	}
	return indentDefault
}

func storeFor(file string, indent int) sops.Store {
	if filepath.Ext(file) == ".json" {
		return json.NewStore(&config.JSONStoreConfig{Indent: indent})
	}
	return yaml.NewStore(&config.YAMLStoreConfig{Indent: indent})
}
