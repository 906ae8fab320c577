package webhook

import (
	"fmt"

	"passbook/shared/table"
)

// attrs returns the attributes of an endpoint's row.
func (e *Endpoint) attrs() table.Map {
	secrets := table.List{}
	for _, s := range e.Secrets {
		secrets = append(secrets, table.Map{
			"id": table.S(s.ID), "created": table.Time(s.Created), "expires": table.Time(s.Expires), "wrapped": table.B(s.wrapped),
		})
	}
	return table.Map{
		"rev": table.N(e.rev), "tenant": table.S(e.Tenant), "url": table.S(e.URL), "description": table.S(e.Description), "types": texts(e.Types), "accounts": texts(e.Accounts),
		"state": table.S(e.State), "cause": table.S(e.Cause), "since": table.Time(e.Since), "backfilled": table.S(e.Backfilled),
		"created": table.Time(e.Created), "created_by": table.S(e.CreatedBy), "filtered": table.Time(e.Filtered), "secrets": secrets,
	}
}

// texts returns strings as an attribute.
func texts(list []string) table.List {
	values := make(table.List, len(list))
	for i, text := range list {
		values[i] = table.S(text)
	}
	return values
}

// parse returns the endpoint of a row, whose secrets are still wrapped.
func parse(row table.Row) (*Endpoint, error) {
	r := table.NewReader(row.Attrs)
	e := &Endpoint{
		ID: row.SK, Tenant: r.Text("tenant"), URL: r.Text("url"), Description: r.Text("description"), State: r.Text("state"), Cause: r.Text("cause"),
		Backfilled: r.Text("backfilled"), Created: r.Time("created"), CreatedBy: r.Text("created_by"), rev: r.Number("rev"),
		Types: row.Attrs.Texts("types"), Accounts: row.Attrs.Texts("accounts"), Since: row.Attrs.Time("since"),
		Filtered: row.Attrs.Time("filtered"),
	}
	secrets, ok := row.Attrs["secrets"].(table.List)
	if !ok || len(secrets) == 0 {
		r.Fail("secrets")
	}
	for _, value := range secrets {
		s, ok := value.(table.Map)
		if !ok {
			r.Fail("secrets")
			continue
		}
		e.Secrets = append(e.Secrets, Secret{ID: s.Text("id"), Created: s.Time("created"), Expires: s.Time("expires"), wrapped: s.Bytes("wrapped")})
	}
	if bad := r.Bad(); bad != "" {
		return nil, fmt.Errorf("the row of webhook %.64q is damaged: its attribute %s cannot be read", row.SK, bad)
	}
	return e, nil
}
