// Package routes serves /v1/webhooks: the endpoints of a tenant, what is to be sent to them, and
// replays.
//
// It promises that every change is in the operators' log before it is made, that a secret is
// answered once, when it is made, and that nobody sees another tenant's endpoints.
//
// Walk: API.Routes -> API.create -> webhook.Registry.Create. Next on the walk: web.
package routes
