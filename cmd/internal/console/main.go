package console

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// private is what others may not do with the files that a program makes: they hold what customers
// paid for. Directories become 0700, files 0600.
const private = 0o077

// Main is a program: it runs with the process's arguments, environment, files and signals, and ends
// the process with its exit code. defaults are settings as variables, which the environment
// overrides. SIGINT and SIGTERM end the context; the second ends the process at once.
func Main(defaults []string, run func(ctx context.Context, args []string, t *Terminal) int) {
	syscall.Umask(private)
	abortOnPanic()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	environ := append(defaults[:len(defaults):len(defaults)], os.Environ()...)
	code := run(ctx, os.Args[1:], &Terminal{Environ: environ, In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// abortOnPanic makes a panic, in whichever goroutine, and a fault of the runtime end the process by
// SIGABRT, which a shell sees as 134: by itself Go ends with 2, and that says that the command line
// is wrong. The trace is written before. No core is dumped, since it would hold what the memory
// holds.
func abortOnPanic() {
	debug.SetTraceback("crash")
	// It cannot be set where the operator has fixed it, who then wants cores.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
