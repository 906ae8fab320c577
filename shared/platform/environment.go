package platform

import (
	"regexp"
	"strings"
)

// productionMark follows the name of an environment whose money is real.
const productionMark = ":production"

// environments matches the names of environments, with the mark of production or without.
var environments = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,31}(` + productionMark + `)?$`)

// Named returns what people call this deployment, empty if it has no name, and whether it is in
// production.
func (c Config) Named() (name string, production bool) {
	name, production = strings.CutSuffix(c.Environment, productionMark)
	return name, production
}
