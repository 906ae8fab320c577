package remedy

import (
	"testing"

	"passbook/shared/api"
)

func TestEveryProblemHasItsRemedy(t *testing.T) {
	known := map[string]bool{}
	for _, p := range api.ProblemTypes {
		known[p.Code] = true
		if r, ok := Of(p.Code); !ok || len(r.Cause) < 20 || len(r.Fix) < 10 {
			t.Errorf("problems.yaml says too little of %s: %+v", p.Code, r)
		}
	}
	for code := range all() {
		if !known[code] {
			t.Errorf("problems.yaml has %s, which is no problem type", code)
		}
	}
}
