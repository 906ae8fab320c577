package platform

import (
	"strings"
	"testing"
	"testing/fstest"

	"passbook/shared/embedded"
)

// machine returns the file system of a machine with 16 GiB.
func machine(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:       16777216 kB\nMemFree: 1 kB\n")}}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	mountV2       = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1       = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	mountV1Nested = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
	unlimitedV1   = "9223372036854771712\n"
)

func TestMemoryLimitIsTheLowestOfTheCgroups(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  Bytes
		from  string
	}{
		"no cgroup": {nil, 4 << 30, "quarter"},
		"v2, a container's own": {map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20, "cgroup"},
		"v2, none": {map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 4 << 30, "quarter"},
		"v2, the one above is lower": {map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/system.slice/bank.service\n",
			"sys/fs/cgroup/system.slice/bank.service/memory.max": "2147483648\n", "sys/fs/cgroup/system.slice/memory.max": "1073741824\n",
		}, 1 << 30, "cgroup"},
		"v2, seen from inside by its outer name": {map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "268435456\n",
		}, 256 << 20, "cgroup"},
		"v1": {map[string]string{
			"proc/self/mountinfo": mountV1, "proc/self/cgroup": "5:cpu:/x\n4:memory:/bank\n0::/\n",
			"sys/fs/cgroup/memory/bank/memory.limit_in_bytes": "536870912\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimitedV1,
		}, 512 << 20, "cgroup"},
		"v1, nested": {map[string]string{
			"proc/self/mountinfo": mountV1, "proc/self/cgroup": "4:memory:/pod/one\n",
			"sys/fs/cgroup/memory/pod/one/memory.limit_in_bytes": unlimitedV1, "sys/fs/cgroup/memory/pod/memory.limit_in_bytes": "805306368\n",
		}, 768 << 20, "cgroup"},
		"v1, mounted from below": {map[string]string{
			"proc/self/mountinfo": mountV1Nested, "proc/self/cgroup": "4:memory:/docker/abc\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
		}, 512 << 20, "cgroup"},
		"v1, none": {map[string]string{
			"proc/self/mountinfo": mountV1, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimitedV1,
		}, 4 << 30, "quarter"},
		"more than the machine": {map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "68719476736\n",
		}, 4 << 30, "quarter"},
	} {
		m := memoryOn(machine(tt.files), Config{SegmentBytes: 64 << 20})
		if m.Limit != tt.want || !strings.Contains(m.From, tt.from) {
			t.Errorf("%s: %v from %s, want %v", name, m.Limit, m.From, tt.want)
		}
	}
	if m := memoryOn(fstest.MapFS{}, Config{}); m.Limit != 2<<30 {
		t.Errorf("a machine that says nothing: %v", m.Limit)
	}
	if m := memoryOn(machine(nil), Config{Memory: 1 << 30}); m.Limit != 1<<30 || m.From != "--memory" {
		t.Errorf("by the setting: %v from %s", m.Limit, m.From)
	}
}

// All that is kept in memory at once fits under the limit, with room for the heap to grow before it
// is collected.
func TestSharesFitUnderTheLimit(t *testing.T) {
	for _, limit := range []Bytes{128 << 20, 256 << 20, 512 << 20, 1 << 30, 2 << 30, 8 << 30, 64 << 30} {
		m := memoryOn(machine(nil), Config{Memory: limit, SegmentBytes: 64 << 20})
		outside := m.Cache + embedded.MemTables*m.MemTable
		if m.Heap+outside > limit-min(limit/6, 48<<20) {
			t.Errorf("%v: heap %v and %v besides", limit, m.Heap, outside)
		}
		kept := m.Stored + 2*m.Rows + // of two models
			m.Waiting + m.Tail + m.Entries + 4*m.Segment + Bytes(m.Accounts*accountBytes+m.Keys*keyBytes)
		if kept > m.Heap*2/3 {
			t.Errorf("%v: %v of a heap of %v are kept", limit, kept, m.Heap)
		}
		if m.Segment > 64<<20 {
			t.Errorf("%v: a segment of %v", limit, m.Segment)
		}
	}
}
