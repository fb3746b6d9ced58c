// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// forParser returns text that the YAML 1.1 parser reads as YAML 1.2 and JSON readers read data. Lines stay where they
// are. Only what is parsed is changed, never what is written.
func forParser(data []byte) []byte {
	text := bytes.TrimPrefix(data, []byte(utf8BOM))
	switch {
	case bytes.HasPrefix(text, []byte("{")) && bytes.Contains(text, []byte(`\`)) && json.Valid(text):
		return jsonEscapes(text)
	case bytes.Contains(text, []byte("%YAML")):
		return yamlVersion(data)
	}
	return data
}

// yamlVersion says 1.1 where the document says 1.2: the parser refuses the number, though it makes no other difference.
func yamlVersion(data []byte) []byte {
	at := 0
	if bytes.HasPrefix(data, []byte(utf8BOM)) {
		at = len(utf8BOM)
	}
	for line := range bytes.Lines(data[at:]) {
		kind, _ := classify(line)
		if yamlDirective.Match(trimEOL(line)) {
			out := bytes.Clone(data)
			out[at+bytes.IndexByte(line, '.')+1] = '1'
			return out
		}
		if kind == dashLine || (kind == otherLine && line[0] != '%') {
			break
		}
		at += len(line)
	}
	return data
}

// jsonEscapes rewrites the two escapes that JSON has and YAML 1.1 has not: the slash, and pairs of surrogates.
func jsonEscapes(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			out = append(out, data[i])
			continue
		}
		i++ // valid JSON has a character after each backslash
		high, low := unit(data[i:], "u"), unit(data[min(i+5, len(data)):], `\u`)
		if r := utf16.DecodeRune(high, low); r != '\ufffd' {
			out = fmt.Appendf(out, `\U%08X`, r)
			i += 10
			continue
		}
		if data[i] != '/' {
			out = append(out, '\\')
		}
		out = append(out, data[i])
	}
	return out
}

// unit reads the four digits after the start of an escape, 0 when text does not begin with one.
func unit(text []byte, start string) rune {
	text, ok := bytes.CutPrefix(text, []byte(start))
	if !ok || len(text) < 4 {
		return 0
	}
	n, err := strconv.ParseUint(string(text[:4]), 16, 32)
	if err != nil {
		return 0
	}
	return rune(n)
}
