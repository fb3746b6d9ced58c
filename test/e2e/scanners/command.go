// SPDX-License-Identifier: Apache-2.0

package scanners

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Command is a scanner in a module of its own, since what it depends on does not fit here. It gets folders of JSON manifests, one a
// set, and prints a JSON list of Result.
type Command struct{ Path string }

// Name implements Scanner.
func (c Command) Name() string { return filepath.Base(c.Path) }

// Scan implements Scanner.
func (c Command) Scan(sets [][]*Object) ([]Result, error) {
	dir, err := os.MkdirTemp("", "restate-integration-scan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var folders []string
	for i, objects := range sets {
		folder := filepath.Join(dir, fmt.Sprintf("%03d", i))
		folders = append(folders, folder)
		if err := os.Mkdir(folder, 0o755); err != nil {
			return nil, err
		}
		for j, o := range objects {
			data, err := o.MarshalJSON()
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%03d.json", j)), data, 0o644); err != nil {
				return nil, err
			}
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(c.Path, folders...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w (make e2e builds it): %s", err, stderr.String())
	}
	var results []Result
	if err := json.Unmarshal(stdout.Bytes(), &results); err != nil {
		return nil, err
	}
	if len(results) != len(sets) {
		return nil, fmt.Errorf("%d results for %d sets", len(results), len(sets))
	}
	for _, r := range results {
		for i := range r.Findings {
			r.Findings[i].Scanner = c.Name()
		}
	}
	return results, nil
}
