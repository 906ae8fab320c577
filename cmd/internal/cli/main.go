package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// private is the umask of every program: its files hold customers' payments, so directories become
// 0700 and files 0600.
const private = 0o077

// Main runs a program with the process's arguments, environment, files and signals, and ends the
// process with its exit code. version is the program's; defaults are settings as variables, which
// the environment overrides. SIGINT and SIGTERM end the context; the second ends the process at
// once.
func Main(version string, defaults []string, run func(ctx context.Context, args []string, t *Terminal) int) {
	syscall.Umask(private)
	abortOnPanic()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	environ := append(defaults[:len(defaults):len(defaults)], os.Environ()...)
	code := run(ctx, os.Args[1:], &Terminal{Version: version, Environ: environ, defaults: len(defaults), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// abortOnPanic makes a panic in any goroutine, and a fatal error of the runtime, end the process by
// SIGABRT, which a shell sees as 134: Go's default is 2, which here means a wrong command line. The
// trace is written first. No core is dumped, since it would contain customers' data.
func abortOnPanic() {
	debug.SetTraceback("crash")
	// This fails only where an operator has fixed the limit, and wants cores.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
