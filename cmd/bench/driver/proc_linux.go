package driver

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ticks is USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

// CPUOf returns the user and system time of a process, 0 if it cannot be read.
func CPUOf(pid int) time.Duration {
	times := statOf(pid)
	return times.user + times.system
}

// CPUOfTree returns the time of a process and of its children, those too that have ended.
func CPUOfTree(pid int) time.Duration {
	var all time.Duration
	for _, p := range family(pid) {
		of := statOf(p)
		all += of.user + of.system + of.ended
	}
	return all
}

// family returns a process and its children.
func family(pid int) []int {
	all := []int{pid}
	processes, _ := os.ReadDir("/proc")
	for _, process := range processes {
		if child, err := strconv.Atoi(process.Name()); err == nil && statOf(child).parent == pid {
			all = append(all, child)
		}
	}
	return all
}

// stat is what a process's status says of its parent, its times, and those of its children that
// have ended.
type stat struct {
	parent              int
	user, system, ended time.Duration
}

// statOf reads a process's status, empty if it cannot be read.
func statOf(pid int) (s stat) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s
	}
	// The second field is the name in parentheses, which may hold spaces; what follows it starts
	// with the third.
	_, rest, _ := bytes.Cut(text, []byte(") "))
	fields := bytes.Fields(rest)
	if len(fields) < 15 {
		return s
	}
	number := func(field int) int {
		n, _ := strconv.Atoi(string(fields[field-3]))
		return n
	}
	passed := func(field int) time.Duration { return time.Duration(number(field)) * time.Second / ticks }
	return stat{parent: number(4), user: passed(14), system: passed(15), ended: passed(16) + passed(17)}
}

// OtherWork returns the load average of the last minute, 0 if it cannot be read.
func OtherWork() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte(" "))
	load, _ := strconv.ParseFloat(string(first), 64)
	return load
}

// MemoryOf returns the bytes of a process that are in memory, and the most that ever were, 0 if
// they cannot be read.
func MemoryOf(pid int) (resident, peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	return kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:")
}

// PeakOf returns the most bytes of an ended process that ever were in memory, 0 if unknown.
func PeakOf(ended *os.ProcessState) int64 {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10 // getrusage(2) says kilobytes
}

// kilobytes returns a size of a process's status in bytes.
func kilobytes(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte(name))
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return n << 10
}

// MemoryOfTree returns the bytes of a process and its children that are in memory, each page that
// they share once, 0 if they cannot be read.
func MemoryOfTree(pid int) (all int64) {
	for _, p := range family(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			return 0
		}
		all += kilobytes(text, "Pss:")
	}
	return all
}
