// Package webhooks has the console's pages of webhooks: the endpoints, and how far each account is
// for one.
//
// It promises that a page shows what the HTTP API answers to the person who looks. Changes are
// shown as commands. Walk: Routes -> Pages.one. Next on the walk: view.
package webhooks
