// Package tracetest receives what a process exports as traces, in tests.
//
// It promises to keep every span that was sent to it by OTLP over HTTP, in protobuf and compressed
// or not, and to refuse everything else as a collector would.
//
// Walk: receiver.go is all.
package tracetest
