// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
)

// TestHarnessCatchesBrokenScripts breaks the script and sees the scenario that is about it notice.
func TestHarnessCatchesBrokenScripts(t *testing.T) {
	for _, tt := range []struct {
		reason, scenario string
		old, new         string
	}{
		{"the token is not trimmed at its end", "blanks around the token", `token=${token%"${token##*[![:space:]]}"}`, ""},
		{"the token is not trimmed at its start", "blanks around the token", `token=${token#"${token%%[![:space:]]*}"}`, ""},
		{"the revision is not looked at", "same url", `[ -z "$REVISION" ] || [ "$REVISION" = "$revision" ] ||`, "true ||"},
		{"the revision is not registered", "same url", `--metadata "restate-integration.dev/revision=$REVISION"`, ""},
		{"every registration is forced", "same url", `[ "$FORCE" = false ] || `, ""},
		{"what the CLI ends with is all", "admin url", `if ! output=$(restate "$@" 2>&1); then`, `output=$(restate "$@" 2>&1) || exit; if false; then`},
		{"a newer deployment is not mentioned", "new url", `*' is in deployment ID '*)`, "nothing)"},
		{"a value is not quoted", "quotes in the path", `deployments register "$DEPLOYMENT_URL"`, `deployments register $(eval echo $DEPLOYMENT_URL)`},
		{"the token is in the log", "same url", `set -- deployments`, `printf '%s\n' "$token"; set -- deployments`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "broken "+strings.ToLower(tt.reason), hosts()[0])
			s.edit = func(job *batchv1.Job) {
				command := job.Spec.Template.Spec.Containers[0].Command
				script := &command[len(command)-1]
				if !strings.Contains(*script, tt.old) {
					t.Fatalf("the script has no %s", tt.old)
				}
				*script = strings.Replace(*script, tt.old, tt.new, 1)
			}
			at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == tt.scenario })
			for _, step := range scenarios[at].steps {
				if len(s.judge(step)) > 0 {
					return
				}
			}
			t.Errorf("%q must not pass", tt.scenario)
		})
	}
}
