// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"slices"
	"testing"
)

// FuzzCutEqualsFull compares, for any input that is accepted, the items with those of a plain parse of the whole, and
// holds the output to what the package promises.
func FuzzCutEqualsFull(f *testing.F) {
	for _, c := range slices.Concat(corpus, emptyLists) {
		if len(c.input) > 1<<12 { // long seeds only slow it down
			continue
		}
		f.Add(c.input)
		f.Add(c.input + "results:\n- message: x\n# end\n")
	}
	for _, c := range fullCases {
		f.Add(c.input)
	}
	// Found here once: what stands in an empty list must not become text of what is appended.
	f.Add(head + "items:\n  #")
	f.Add(head + "items:\n \n")
	f.Fuzz(func(t *testing.T, data string) {
		if len(data) > 1<<16 {
			return
		}
		l, err := Parse([]byte(data))
		if err != nil {
			return
		}
		want := wholeItems(t, data)
		diff(t, "items", want, listItems(l))
		for _, i := range l.Items() {
			diff(t, "Text", canon(i.Node()), canonOf(t, string(i.Text())))
			_ = i.Meta()
		}
		checkRound(t, l, want, texts(l), l.Bytes(nil))
		checkRound(t, l, want, texts(l), l.Bytes([]byte(anyResult)))
		diff(t, "Original", want, wholeItems(t, string(l.Original([]byte(anyResult)))))
		checkEdits(t, l, want)
	})
}

// checkRound reads an output again.
func checkRound(t *testing.T, l *List, want, wantTexts []string, out []byte) {
	t.Helper()
	diff(t, "items of the output", want, wholeItems(t, string(out)))
	again := mustParse(t, string(out))
	if !again.Cut() {
		t.Errorf("the output is not cut: %s", again.Reason())
	}
	for i, text := range texts(again) {
		// The last item of an input without final newline has one as soon as something follows.
		if text != wantTexts[i] && text != wantTexts[i]+"\n" {
			t.Errorf("item %d: was %q, is %q", i, wantTexts[i], text)
		}
	}
	if (again.FunctionConfig() == nil) != (l.FunctionConfig() == nil) {
		t.Error("functionConfig appears or vanishes")
	}
}

// checkEdits replaces the first item, removes the second and appends two.
func checkEdits(t *testing.T, l *List, want []string) {
	t.Helper()
	want, wantTexts := slices.Clone(want), texts(l)
	if len(want) > 0 {
		l.Replace(l.Items()[0], []byte(ownDoc))
		want[0], wantTexts[0] = canonOf(t, ownDoc), string(l.Items()[0].replaced)
	}
	if len(want) > 1 {
		l.Remove(l.Items()[1])
		want, wantTexts = slices.Delete(want, 1, 2), slices.Delete(wantTexts, 1, 2)
	}
	for _, doc := range []string{ownDoc, ownDoc2} {
		must(t, l.AppendText([]byte(doc)))
		want, wantTexts = append(want, canonOf(t, doc)), append(wantTexts, string(l.appended[len(l.appended)-1]))
	}
	checkRound(t, l, want, wantTexts, l.Bytes([]byte(anyResult)))
}
