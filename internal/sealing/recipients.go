// SPDX-License-Identifier: Apache-2.0

package sealing

import (
	"cmp"
	"slices"

	"github.com/getsops/sops/v3"
)

// Change is what became of the recipients of a file.
type Change struct{ Added, Removed []string }

// UpdateRecipients encrypts the data key to the recipients of the rule, and to nobody else, as sops updatekeys does. The values,
// sops.mac and sops.lastmodified stay. When nothing changes the file is returned as it is.
func UpdateRecipients(file string, data []byte, rule Rule) ([]byte, Change, error) {
	d, err := load(file, data)
	if err != nil {
		return nil, Change{}, err
	}
	meta := &d.tree.Metadata
	threshold := min(cmp.Or(rule.creation.ShamirThreshold, meta.ShamirThreshold), len(rule.creation.KeyGroups))
	if sameGroups(meta.KeyGroups, rule.creation.KeyGroups) && threshold == meta.ShamirThreshold {
		return data, Change{}, nil
	}
	change := Change{
		Added:   without(names(rule.creation.KeyGroups...), names(meta.KeyGroups...)),
		Removed: without(names(meta.KeyGroups...), names(rule.creation.KeyGroups...)),
	}
	key, err := d.dataKey()
	if err != nil {
		return nil, Change{}, err
	}
	meta.KeyGroups, meta.ShamirThreshold = rule.creation.KeyGroups, threshold
	if errs := meta.UpdateMasterKeysWithKeyServices(key, services()); len(errs) > 0 {
		return nil, Change{}, cannotEncryptTo(*meta, errs)
	}
	out, err := d.emit()
	return out, change, err
}

// names lists the recipients of the groups, sorted.
func names(groups ...sops.KeyGroup) []string {
	var out []string
	for _, group := range groups {
		for _, key := range group {
			out = append(out, key.ToString())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sameGroups(a, b []sops.KeyGroup) bool {
	return slices.EqualFunc(a, b, func(a, b sops.KeyGroup) bool { return slices.Equal(names(a), names(b)) })
}

// without has the elements of list that are not in other.
func without(list, other []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(other, s) {
			out = append(out, s)
		}
	}
	return out
}
