package tidy

// longFiles are the files that may be longer than the limit, each with the reason.
var longFiles = map[string]string{}

// longFuncs are the functions that may be longer than the limit, "package.name" or
// "package.(Type).name", each with the reason.
var longFuncs = map[string]string{}

// outsideWeb are the packages that may use the HTTP router besides shared/web and the services' api
// files, each with the reason.
var outsideWeb = map[string]string{
	"shared/journey":        "answers one route, from the journal, the stream and the archive",
	"shared/opsread":        "its routes are no account's, and shared/api has its most files",
	"shared/feed/feedtest":  "calls the handler of the feed without a server",
	"shared/feed":           "streams events for as long as the caller wants, on the server of web",
	"shared/statement":      "answers statements as pages and as files, which are streams",
	"shared/session":        "serves the pages by which browsers sign in, on the server of web",
	"cmd/internal/devclock": "serves the clock of a bank for development",
	"cmd/internal/ops":      "serves the jobs of the bank on a listener for operators, with the error pages of web",
}

// mayExit are the files besides main.go that may end the process, each with the reason.
var mayExit = map[string]string{
	"shared/embedded/enginelog.go": "Pebble reports a fatal error on its own goroutines; the handler may not return, and no request may be answered after it",
}
