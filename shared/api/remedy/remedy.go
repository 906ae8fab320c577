package remedy

import (
	_ "embed" // for the texts
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed problems.yaml
var text []byte

// Remedy is what causes a problem, and what to do.
type Remedy struct {
	Cause string `yaml:"cause"`
	Fix   string `yaml:"fix"`
}

// all reads the texts when the first is wanted.
var all = sync.OnceValue(func() map[string]Remedy {
	remedies := map[string]Remedy{}
	if err := yaml.Unmarshal(text, &remedies); err != nil {
		panic(fmt.Sprintf("remedy: read the causes of problems: %v", err)) // they are compiled in
	}
	return remedies
})

// Of returns the remedy of a problem's code, and whether there is one.
func Of(code string) (Remedy, bool) {
	r, ok := all()[code]
	return r, ok
}
