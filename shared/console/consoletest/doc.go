// Package consoletest opens pages of the console over an API that a test makes up.
//
// It promises that a page is served as in a program, by the web server and with a session's form
// token; it does not promise anything about the API, which is the test's. Walk: Open -> Page.Must.
package consoletest
