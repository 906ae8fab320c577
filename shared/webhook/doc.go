// Package webhook has the endpoints to which a bank sends its events: where, which events, and the
// secrets that sign them.
//
// It promises that an endpoint is a row of the control table, that its secrets are stored only
// wrapped and are shown once, when they are made, and that Current never misses an endpoint that
// was stored before the call. While a secret is rotated the older one signs too. It sends nothing:
// package delivery does.
//
// Walk: Registry.Create -> Registry.Current -> Endpoint.Wants -> Sign. Next on the walk: delivery.
package webhook
