// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
)

// unparsable input gives no output at all, so that no host takes it for a list.
func TestUnparsableInput(t *testing.T) {
	good := list(integration("tunnel: {mode: None}\n"))
	var wide []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + good)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for _, tt := range []struct{ reason, input, code, says string }{
		{"empty", "", "RI0101", "the input is empty"},
		{"blank", " \n\t\r\n", "RI0101", "the input is empty"},
		{"a byte order mark alone", "\ufeff", "RI0101", "the input is empty"},
		{"comments alone", "# nothing\n", "RI0101", "the input is empty"},
		{"garbage", "%!$#{{{", "RI0101", ""},
		{"text", "kustomize build .\n", "RI0101", "must be a mapping"},
		{"another object", "apiVersion: v1\nkind: Pod\n", "RI0101", "apiVersion must be of config.kubernetes.io"},
		{"a list of another kind", "apiVersion: config.kubernetes.io/v1\nkind: Kptfile\n", "RI0101", "kind must be ResourceList"},
		{"no kind", "items: []\n", "RI0101", "must have apiVersion and kind"},
		{"items of another type", head + "items: {}\n", "RI0101", "items must be a sequence"},
		{"an item of another type", head + "items:\n- a\n", "RI0101", "must be a mapping"},
		{"a key twice", head + "items: []\nitems: []\n", "RI0101", "a second time"},
		{"invalid UTF-8", head + "items: []\n# \xff\n", "RI0101", "invalid UTF-8"},
		{"UTF-16", string(wide), "RI0101", "UTF-16"},
		{"a NUL byte", head + "items: []\n# \x00\n", "RI0101", "NUL"},
		{"a control character", head + "items: []\n# \x1b[31m\n", "RI0101", "control character"},
		{"two documents", good + "---\n" + good, "RI0101", "one YAML document"},
		{"an unknown anchor", head + "items: [*a]\n", "RI0101", "unknown anchor"},
		{"an alias in its own anchor", head + "items: &a\n- a: *a\n", "RI0101", "within its own anchor"},
		{"broken JSON", `{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [}`, "RI0101", "invalid YAML"},
		{"10,000 levels", head + "items:\n- a: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\n", "", ""},
		{"10,000 levels of maps", head + "items:\n- a: " + strings.Repeat("{a: ", 10_000) + strings.Repeat("}", 10_000) + "\n", "", ""},
		{"1,001 levels", head + "items:\n- a: " + strings.Repeat("[", 1_001) + strings.Repeat("]", 1_001) + "\n", "RI0102", "nested deeper than"},
		{"a billion laughs", head + "items:\n- a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + laughs(9), "", ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := run(tt.input)
			if out.code != 1 || out.stdout != "" {
				t.Errorf("exit code %d, stdout of %d bytes", out.code, len(out.stdout))
			}
			if tt.code != "" && !slices.Contains(out.codes(), tt.code) || !strings.Contains(out.stderr, tt.says) {
				t.Errorf("want %s %q, got:\n%s", tt.code, tt.says, out.stderr)
			}
			if strings.Count(out.stderr, "\n") != 1 || len(out.stderr) > 500 {
				t.Errorf("stderr is not one short line:\n%s", out.stderr)
			}
			mustNotFail(t, out)
		})
	}
}

// laughs are items of which each has the one before nine times.
func laughs(n int) string {
	var b strings.Builder
	for i := range n {
		alias := fmt.Sprintf("*a%d", i)
		fmt.Fprintf(&b, "- a%d: &a%d [%s]\n", i+1, i+1, strings.Join(slices.Repeat([]string{alias}, 9), ", "))
	}
	return b.String()
}

// mustNotFail reports a defect of the function, which a panic is turned into.
func mustNotFail(t *testing.T, out output) {
	t.Helper()
	if slices.Contains(out.codes(), "RI0106") {
		t.Errorf("the function failed:\n%s", out.stderr)
	}
}

func TestInputLimits(t *testing.T) {
	const none = "tunnel: {mode: None}\n"
	long := func(n int) string { return none + "annotations: {a: " + strings.Repeat("x", n) + "}\n" }
	deep := func(n int) string {
		return none + "tunnel: {podTemplate: {affinity: {nodeAffinity: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "}}}\n"
	}
	// The size is that of the item in the list, dash and indentation included.
	sized := func(n int) string { return list("", integration(long(n-len(indent(2, integration(long(0))))))) }
	for _, tt := range []struct{ reason, input, code string }{
		{"half a MiB of spec", list(integration(long(1 << 19))), ""},
		{"a MiB", sized(1 << 20), ""},
		{"a byte more", sized(1<<20 + 1), "RI0102"},
		{"10 MB of spec", list(integration(long(10_000_000))), "RI0102"},
		{"10 MB of spec among the items", list("", integration(long(10_000_000))), "RI0102"},
		{"10 MB of another item", list(integration(none), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "+strings.Repeat("x", 10_000_000)+"}\n"), ""},
		{"500 levels of spec", list(integration(deep(500))), "RI0102"},
		{"100 levels of another item", list(integration(none), "apiVersion: v1\nkind: A\nmetadata: {name: a}\na: "+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"\n"), ""},
		{"a million values behind aliases", list(integration(none + "annotations:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + indentedLaughs(5))), "RI0102"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := run(tt.input)
			if got := out.code == 1; got != (tt.code != "") || tt.code != "" && !slices.Contains(out.codes(), tt.code) {
				t.Errorf("exit code %d, want %q:\n%.2000s", out.code, tt.code, out.stderr)
			}
			if out.code == 1 && !strings.HasPrefix(out.stdout, tt.input+"results:\n") {
				t.Error("the output of a failure is not the input with results")
			}
			mustNotFail(t, out)
		})
	}
}

func indentedLaughs(n int) string {
	return strings.ReplaceAll(laughs(n), "- a", "  a")
}

// endless never stops to give blanks.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestStdinIsReadUpToItsLimit(t *testing.T) {
	var in endless
	var stdout, stderr strings.Builder
	if code := fn.Main(&in, &stdout, &stderr, nil); code != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "RI0102") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if in.read > 2*resourcelist.MaxSize {
		t.Errorf("%d bytes were read", in.read)
	}
}

// TestCollectorOfSmallInputs sees the garbage collector held back up to 256 KiB of input, where the start is what counts, and not
// above.
func TestCollectorOfSmallInputs(t *testing.T) {
	const usual, rare = 100, 400
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	for size, want := range map[int]int{0: rare, 256 << 10: rare, 256<<10 + 1: usual} {
		run(strings.Repeat(" ", size))
		if got := debug.SetGCPercent(usual); got != want {
			t.Errorf("%d bytes of input: must leave GOGC at %d, got %d", size, want, got)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("no") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("no") }

func TestBrokenStreams(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := fn.Main(broken{}, &stdout, &stderr, nil); code != 1 || stdout.Len() > 0 || stderr.Len() == 0 {
		t.Errorf("stdin: exit code %d, stderr %q", code, stderr.String())
	}
	if code := fn.Main(strings.NewReader(list(integration("tunnel: {mode: None}\n"))), broken{}, io.Discard, nil); code != 1 {
		t.Errorf("stdout: exit code %d", code)
	}
}

// TestEncodings sends one list in the forms that are accepted: what is generated does not depend on them.
func TestEncodings(t *testing.T) {
	good := list(integration("tunnel: {mode: None}\n"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign, namespace: shop}\n")
	want := succeeds(t, good).get(t, "ConfigMap restate/prod-endpoints")
	for reason, input := range map[string]string{
		"a byte order mark":   "\ufeff" + good,
		"CRLF":                strings.ReplaceAll(good, "\n", "\r\n"),
		"both":                "\ufeff" + strings.ReplaceAll(good, "\n", "\r\n"),
		"a document marker":   "---\n" + good,
		"no final newline":    strings.TrimSuffix(good, "\n"),
		"an older version":    strings.Replace(good, "config.kubernetes.io/v1", "config.kubernetes.io/v1alpha1", 1),
		"results of a run":    good + "results:\n- message: stale\n",
		"a field of no one":   good + "future: {a: b}\n",
		"no items, JSON":      `{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","functionConfig":{"apiVersion":"restate-integration.dev/v1alpha1","kind":"RestateIntegration","metadata":{"name":"prod","namespace":"restate","annotations":{"config.kubernetes.io/local-config":"true"}},"spec":{"tunnel":{"mode":"None"},"cloud":{"environmentId":"env_201j05r9g0f12ygtphdszbb4scp","region":"eu","signingPublicKey":"publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk"}}}}`,
		"results of a run, 2": "results: []\n" + good,
	} {
		out := succeeds(t, input)
		if d := cmp.Diff(want, out.get(t, "ConfigMap restate/prod-endpoints")); d != "" {
			t.Errorf("%s: (-want +got):\n%s", reason, d)
		}
		if strings.Contains(out.stdout, "stale") {
			t.Errorf("%s: results of an earlier run are still there", reason)
		}
	}
}

// TestHostileText holds the lines of stderr together: a finding is one line, whatever stands in the input.
func TestHostileText(t *testing.T) {
	const evil = `"a\nerror: all is lost\u001b[31m\u0085\u2028 "`
	for place, input := range map[string]string{
		"path":           list(integration("services: {a: {namespace: shop, path: " + evil + "}}\n" + quiet)),
		"namespace":      list(integration("services: {a: {namespace: " + evil + "}}\n" + quiet)),
		"service":        list(integration("services: {a: {namespace: shop, service: " + evil + "}}\n" + quiet)),
		"key":            list(integration("services: {" + evil + ": {namespace: shop}}\n" + quiet)),
		"unknown":        list(integration(evil + ": a\n" + quiet)),
		"cluster domain": list(integration("clusterDomain: " + evil + "\nservices: {a: {namespace: shop}}\n" + quiet)),
		"tunnel name":    list(integration("tunnel: {mode: Standalone, name: " + evil + "}\nservices: {a: {namespace: shop}}\n" + quiet)),
		"resource name":  list(integration("tunnel: {operator: {resourceName: " + evil + "}}\nservices: {a: {namespace: shop}}\n" + quiet)),
		"operator":       list(integration("tunnel: {operator: {namespace: " + evil + "}}\n" + quiet)),
		"secret name":    list(integration("credentials: {tunnel: {name: " + evil + "}}\n")),
		"secret key":     list(integration("credentials: {tunnel: {key: "+evil+"}}\n"), "apiVersion: v1\nkind: Secret\nmetadata: {name: restate-identity, namespace: "+evil+", annotations: {"+evil+": a}}\nstringData: {"+evil+": a}\n"),
		"region":         strings.Replace(list(integration("")), "region: eu", "region: "+evil, 1),
		"label":          list(integration("labels: {" + evil + ": " + evil + "}\n" + quiet)),
		"name":           strings.Replace(list(integration(quiet)), "name: prod", "name: "+evil, 1),
		"own namespace":  strings.Replace(list(integration(quiet)), "namespace: restate", "namespace: "+evil, 1),
		"kind":           list("apiVersion: v1\nkind: " + evil + "\nmetadata: {name: " + evil + "}\n"),
		"owner":          list(integration("tunnel: {mode: None}\n"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-endpoints, namespace: restate, annotations: {restate-integration.dev/owned-by: "+evil+", internal.config.kubernetes.io/path: "+evil+"}}\n"),
		"kept":           list(integration("tunnel: {mode: None}\n"), "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+evil+", annotations: {restate-integration.dev/owned-by: restate/prod}}\n"),
	} {
		out := run(input)
		if out.stderr == "" {
			t.Errorf("%s: nothing is said", place)
		}
		for line := range strings.Lines(out.stderr) {
			if !strings.HasPrefix(line, "error: ") && !strings.HasPrefix(line, "warning: ") || strings.HasPrefix(line, "error: all") ||
				!strings.HasSuffix(line, "]\n") || strings.ContainsAny(line, "\x1b\u0085\u2028") {
				t.Errorf("%s: stderr has the line %q", place, line)
			}
		}
		mustNotFail(t, out)
	}
}
