// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// specialType is a type of Kubernetes that reads itself from JSON.
type specialType struct {
	// want says in words what is expected.
	want string
	code diag.Code
	// parse tries a scalar; nil when none is allowed.
	parse func([]byte) error
	// mapping allows a map or list.
	mapping bool
	// quoted refuses fractions that are not text: CRDs take whole numbers and text for a quantity.
	quoted bool
}

func parses[T any](raw []byte) error {
	var v T
	return json.Unmarshal(raw, &v)
}

var special = map[reflect.Type]specialType{
	reflect.TypeFor[resource.Quantity]():    {want: "a quantity like 100m or 128Mi", code: diag.BadResources, parse: parses[resource.Quantity], quoted: true},
	reflect.TypeFor[intstr.IntOrString]():   {want: "a number or text", code: diag.WrongType, parse: parses[intstr.IntOrString]},
	reflect.TypeFor[metav1.Duration]():      {want: "a duration like 24h or 90s", code: diag.WrongType, parse: parses[metav1.Duration]},
	reflect.TypeFor[metav1.Time]():          {want: "a time as in RFC 3339", code: diag.WrongType, parse: parses[metav1.Time]},
	reflect.TypeFor[metav1.FieldsV1]():      {want: "a map", code: diag.WrongType, mapping: true},
	reflect.TypeFor[runtime.RawExtension](): {want: "a map", code: diag.WrongType, mapping: true},
}

// suggest names the allowed word that is nearest to what was written; without one it lists a few words whole.
func suggest(word string, allowed []string, list string) string {
	slices.Sort(allowed)
	best, distance := "", len(word)/3+2
	for _, a := range allowed {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(a)); d < distance {
			best, distance = a, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case list != "" && len(allowed) <= 12:
		return list + strings.Join(allowed, ", ")
	}
	return ""
}
