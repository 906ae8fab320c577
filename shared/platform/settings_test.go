package platform_test

import (
	"testing"

	"passbook/shared/platform"
)

func TestSettingsNameTheirSource(t *testing.T) {
	environ := []string{"PASSBOOK_DATA=/srv/bank", "PASSBOOK_LEASE=20s", "PASSBOOK_SHARDS=8"}
	c, err := platform.FromEnv(environ)
	if err != nil {
		t.Fatal(err)
	}
	c.Shards, c.Prefix = 2, "north-" // as flags do
	want := map[string][2]string{
		"data": {"/srv/bank", "environment"}, "lease": {"20s", "environment"}, "shards": {"2", "command line"}, "prefix": {"north-", "command line"},
		"listen": {"127.0.0.1:8080", "default"}, "segment-bytes": {"64MiB", "default"}, "hosts": {"", "default"},
	}
	for _, s := range platform.Settings(c, environ) {
		if w, ok := want[s.Flag]; ok && (s.Value != w[0] || s.Source != w[1]) {
			t.Errorf("--%s is %q from %s, not %q from %s", s.Flag, s.Value, s.Source, w[0], w[1])
		}
		delete(want, s.Flag)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}
