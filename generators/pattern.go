// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled at its first use. The function starts anew for each render, and most specs need few of
// them: to compile all of them takes 8,000 allocations. A test compiles every one.
type pattern func() *regexp.Regexp

func newPattern(text string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
