//go:build !linux

package main

import "time"

// otherWork is not measured here.
func otherWork() float64 { return 0 }

// processTime is not measured here.
func processTime(int) time.Duration { return 0 }
