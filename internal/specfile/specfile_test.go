// SPDX-License-Identifier: Apache-2.0

package specfile_test

import (
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/internal/specfile"
)

func TestRead(t *testing.T) {
	const (
		spec   = "apiVersion: restate-integration.dev/v1alpha1\nkind: RestateIntegration\nmetadata: {name: prod, namespace: restate}\n"
		canary = "oops-a-value"
	)
	for _, tt := range []struct {
		reason, data string
		want         string // a part of the error or of the first finding; "" for neither
	}{
		{"a spec", spec, ""},
		{"among other documents", "kind: ConfigMap\n---\n" + spec + "---\n# nothing\n", ""},
		{"a byte order mark, CRLF", "\ufeff" + strings.ReplaceAll(spec, "\n", "\r\n"), ""},
		{"none", "kind: ConfigMap\n", "must hold one RestateIntegration, and holds 0"},
		{"nothing", "", "must hold one RestateIntegration, and holds 0"},
		{"two", spec + "---\n" + spec, "must hold one RestateIntegration, and holds 2"},
		{"no YAML; the parser would quote it", spec + "a: b: " + canary + "\n", "cannot be parsed as YAML near line 4"},
		{"what the parser has panicked on", "0: [:!00 \xef", "is not UTF-8"},
		{"too large", spec + strings.Repeat("#", 1<<20), "must be at most 1 MiB"},
		{"another version", strings.Replace(spec, "v1alpha1", "v2", 1), "must be restate-integration.dev/v1alpha1"},
		{"an unknown field", spec + "spec: {clowd: {}}\n", "cloud"},
	} {
		in, ds, err := specfile.Read([]byte(tt.data))
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case len(ds) > 0:
			got = ds[0].Text()
		case in.Name != "prod" || in.Namespace != "restate":
			t.Errorf("%s: got %+v", tt.reason, in.ObjectMeta)
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || strings.Contains(got, canary) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}
