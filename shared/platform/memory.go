package platform

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"passbook/shared/embedded"
)

// Memory is how much memory a process may use, and the shares of its parts.
type Memory struct {
	// Limit bounds the memory of the process, From names where the limit comes from.
	Limit Bytes
	From  string
	// Heap bounds the memory of the Go runtime, without the memory that Pebble allocates itself.
	Heap Bytes
	// Cache is the block cache of Pebble, MemTable one of its at most three memtables. Stored
	// bounds what the embedded tables remember of rows that are stored.
	Cache, MemTable, Stored Bytes
	// Rows bounds the rows that a generation of a read model keeps, for its projection and its
	// readers, Waiting the entries that wait for the stream, and Segment the open segment of a
	// shard, which is at most the setting.
	Rows, Waiting, Segment Bytes
	// Tail bounds the newest records of the embedded stream, and Entries those that are decoded.
	Tail, Entries Bytes
	// Accounts is how many idle accounts a writer keeps, Keys how many command keys they may have
	// together.
	Accounts, Keys int
}

// The memory of an account and of a command key, and the bounds of the shares. Measurements showed
// no gain above the upper bounds.
const (
	accountBytes = 1 << 10
	keyBytes     = 24
	// programBytes is what the program itself takes, whose code lies in memory as it is used.
	programBytes = 32 << 20
	// fallbackMemory is the limit where the memory of the machine is unknown.
	fallbackMemory = 2 << 30
	minMemory      = 64 << 20
)

// MemoryOf shares out the memory that the process may use: the setting, or else the lowest limit of
// its cgroup and those above it, or else a quarter of the machine.
func MemoryOf(c Config) Memory { return memoryOn(os.DirFS("/"), c) }

// memoryOn implements MemoryOf on the root of a file system.
func memoryOn(root fs.FS, c Config) Memory {
	limit, from := c.Memory, "--memory"
	if limit == 0 {
		limit, from = detectLimit(root)
	}
	m := Memory{
		Limit: limit, From: from,
		Cache: clamp(limit/16, 4<<20, 256<<20), MemTable: clamp(limit/36, 2<<20, 64<<20), Stored: clamp(limit/18, 4<<20, 80<<20),
		Rows: clamp(limit/32, 2<<20, 128<<20), Waiting: clamp(limit/16, 8<<20, 256<<20), Segment: min(c.SegmentBytes, max(limit/64, 1<<20)),
		Tail: clamp(limit/32, 2<<20, 64<<20), Entries: clamp(limit/32, 2<<20, 64<<20),
		Accounts: int(clamp(limit/16/accountBytes, 500, 50_000)), Keys: int(clamp(limit/16/keyBytes, 50_000, 4_000_000)),
	}
	// The rest is left for what neither counts: the program, memory that the allocators do not
	// return, the buffers of the kernel.
	rest := min(limit/5, programBytes+limit/16)
	m.Heap = max(limit-rest-m.Cache-embedded.MemTables*m.MemTable, limit/4) >> 20 << 20
	return m
}

func clamp(b, least, most Bytes) Bytes { return max(least, min(b, most)) }

// detectLimit returns the limit of the cgroups or a quarter of the machine, and which.
func detectLimit(root fs.FS) (Bytes, string) {
	machine := machineMemory(root)
	if limit := cgroupLimit(root); limit > 0 && (machine == 0 || limit < machine) {
		return limit, "the cgroup"
	}
	if machine == 0 {
		return fallbackMemory, "the default, because the memory of the machine is unknown"
	}
	return machine / 4, "a quarter of the machine"
}

// machineMemory returns the memory of the machine, 0 where it is unknown.
func machineMemory(root fs.FS) Bytes {
	for _, line := range lines(root, "proc/meminfo") {
		if name, value, ok := strings.Cut(line, ":"); ok && name == "MemTotal" {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err == nil {
				return Bytes(n) << 10
			}
		}
	}
	return 0
}

// cgroupLimit returns the lowest limit of the process's cgroup and those above it, of version 1 or
// 2; 0 where none is set.
func cgroupLimit(root fs.FS) (lowest Bytes) {
	for _, m := range cgroupMounts(root) {
		for dir := m.dir(root); ; dir = path.Dir(dir) {
			if limit := limitIn(root, path.Join(dir, m.file)); limit > 0 && (lowest == 0 || limit < lowest) {
				lowest = limit
			}
			if dir == m.point || dir == "." || dir == "/" {
				break
			}
		}
	}
	return lowest
}

// cgroupMount is where the memory controller is mounted.
type cgroupMount struct {
	// point is the mount point of the hierarchy's directory root; file is the name of the file with
	// the limit; v2 tells the version.
	point, root, file string
	v2                bool
}

// cgroupMounts returns the mounts of the memory controllers of both versions.
func cgroupMounts(root fs.FS) (mounts []cgroupMount) {
	for _, line := range lines(root, "proc/self/mountinfo") {
		fields := strings.Fields(line)
		for i := 6; i+3 < len(fields); i++ {
			if fields[i] != "-" {
				continue
			}
			m := cgroupMount{root: fields[3], point: strings.TrimPrefix(fields[4], "/")}
			switch {
			case fields[i+1] == "cgroup2":
				m.file, m.v2 = "memory.max", true
			case fields[i+1] == "cgroup" && contains(fields[i+3], "memory"):
				m.file = "memory.limit_in_bytes"
			default:
				continue
			}
			mounts = append(mounts, m)
		}
	}
	return mounts
}

func contains(list, name string) bool { return strings.Contains(","+list+",", ","+name+",") }

// dir returns the directory of the process's cgroup, as far as it is visible: in a container often
// the mount point itself.
func (m cgroupMount) dir(root fs.FS) string {
	for _, line := range lines(root, "proc/self/cgroup") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 || m.v2 != (fields[1] == "") || !m.v2 && !contains(fields[1], "memory") {
			continue
		}
		below := fields[2]
		if m.root != "/" {
			below = strings.TrimPrefix(below, m.root)
		}
		dir := path.Join(m.point, path.Clean("/"+below))
		if _, err := fs.Stat(root, dir); err == nil {
			return dir
		}
	}
	return m.point
}

// limitIn returns the limit in a file, 0 for none. Version 1 writes a number near 2^63 for none.
func limitIn(root fs.FS, name string) Bytes {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return Bytes(n)
}

// lines returns the lines of a file; none if it cannot be read.
func lines(root fs.FS, name string) (out []string) {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}
