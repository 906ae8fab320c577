package serve

import (
	"bytes"
	"strings"
	"testing"
)

// The banner gives an address that a browser can be given, and says aloud when others can reach it
// too.
func TestBannerGivesAnAddressThatCanBeUsed(t *testing.T) {
	for listen, warned := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true, "[::]:0": true} {
		p := openAt(t, Credit, listen)
		var out bytes.Buffer
		p.Announce(&out)
		if said := out.String(); !strings.Contains(said, "http://127.0.0.1:") || strings.Contains(said, "WARNING") != warned {
			t.Errorf("%s:\n%s", listen, said)
		}
	}
}
