package pipeline

import (
	"context"
	"fmt"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/webhook/delivery"
)

// webhooksPage is the console's page of webhooks.
const webhooksPage = "/ui/webhooks"

// webhooks lists what a principal should look at of the webhooks. One that cannot be listed is an
// item too: all else is known.
func (p *Pipeline) webhooks(ctx context.Context, by *access.Principal) (list []Attention) {
	if p.config.Webhooks == nil {
		return nil
	}
	troubles, err := p.config.Webhooks(ctx)
	if err != nil {
		return []Attention{{
			Kind: "webhook", Severity: stateWarn, Subject: "webhooks", What: "The webhooks cannot be read", Cause: err.Error(),
			Affects: "It is not known which are paused or given up.", Remedy: "The tables control and webhooks must be readable to this process: its checks say what fails.",
			Command: "GET /readyz?verbose=true", Page: webhooksPage,
		}}
	}
	for _, t := range troubles {
		if !by.AllTenants && t.Tenant != by.Tenant {
			continue
		}
		page := webhooksPage
		if t.Tenant == by.Tenant {
			page += "/" + t.ID
		}
		if t.Gone {
			list = append(list, goneWebhook(t, page))
		}
		if len(t.Dead) > 0 {
			list = append(list, deadWebhook(t, page))
		}
	}
	return list
}

// goneWebhook returns the item for a webhook that answered 410.
func goneWebhook(t delivery.Trouble, page string) Attention {
	return Attention{
		Kind: "webhook", ID: "paused", Severity: stateWarn, Subject: t.ID, What: fmt.Sprintf("The webhook to %s is paused", t.Host), Cause: "it answered 410 Gone",
		Affects: fmt.Sprintf("Nothing is sent to this webhook of tenant %s. Nothing is lost: what happened is sent once it is resumed.", t.Tenant),
		Remedy:  fmt.Sprintf("If the receiver is to have the events, run bank webhook resume %s; if not, bank webhook remove %s.", t.ID, t.ID),
		Command: "bank webhook show " + t.ID, Page: page,
	}
}

// deadWebhook returns the item for the accounts that were given up for a webhook.
func deadWebhook(t delivery.Trouble, page string) Attention {
	count, accounts := fmt.Sprint(len(t.Dead)), "accounts are"
	switch {
	case t.More:
		count = "more than " + count
	case len(t.Dead) == 1:
		accounts = "account is"
	}
	one := Attention{
		Kind: "webhook", ID: "dead", Severity: stateBad, Subject: t.ID, What: fmt.Sprintf("%s %s dead for the webhook to %s", count, accounts, t.Host),
		Cause: "an event was refused for three days", Since: api.Time{Time: t.Since},
		Affects: fmt.Sprintf("This webhook of tenant %s is sent no further event of these accounts. The journal has all of them.", t.Tenant),
		Remedy:  fmt.Sprintf("The deliveries say why it refused. Once the receiver takes the event, run bank webhook replay %s: it is sent from there on.", t.ID),
		Command: "bank webhook deliveries " + t.ID + " --state dead", Page: page,
	}
	for _, a := range t.Dead {
		one.Accounts = append(one.Accounts, AffectedAccount{a.Tenant, a.ID})
	}
	return one
}
