package readside

import (
	"time"

	"passbook/cmd/internal/serve"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/web"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
	"passbook/shared/webhook/routes"
)

// Webhooks starts what sends events to webhooks, and returns the routes of the endpoints and what
// finds those that a person should look at.
func Webhooks(p *serve.Process, history *journal.Reader, keeper *origin.Keeper, runtime consumer.Runtime) ([]web.Route, *delivery.Troubles) {
	allowed := delivery.Allowed(p.Config.WebhookAllow)
	endpoints := webhook.NewRegistry(webhook.Config{Table: p.Engine.Table, Keys: p.Engine.Keys, Bank: keeper.Bank(), Now: p.Now(), Log: p.Log})
	client := delivery.NewClient(p.Version, allowed, time.Now)
	deliverer := delivery.New(delivery.Config{Table: p.Engine.Table, Journal: history, Registry: endpoints, Client: client, Metrics: p.Registry, Log: p.Log})
	p.Go(serve.UntilConsumers, "webhooks", deliverer.Run)
	p.Go(serve.UntilConsumers, delivery.Consumer, consumer.New(deliverer.Consumer(runtime)).Run)
	serves := &routes.API{Table: p.Engine.Table, Registry: endpoints, Store: deliverer.Store(), Client: client, Allowed: allowed, Now: time.Now}
	return serves.Routes(), deliverer.Troubles()
}
