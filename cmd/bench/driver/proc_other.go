//go:build !linux

package driver

import (
	"os"
	"time"
)

// OtherWork returns 0: it is not measured here.
func OtherWork() float64 { return 0 }

// CPUOf returns 0: it is not measured here.
func CPUOf(int) time.Duration { return 0 }

// MemoryOf returns 0: it is not measured here.
func MemoryOf(int) (resident, peak int64) { return 0, 0 }

// CPUOfTree returns 0: it is not measured here.
func CPUOfTree(int) time.Duration { return 0 }

// MemoryOfTree returns 0: it is not measured here.
func MemoryOfTree(int) int64 { return 0 }

// PeakOf returns 0: it is not measured here.
func PeakOf(*os.ProcessState) int64 { return 0 }
