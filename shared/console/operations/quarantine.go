package operations

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"unicode/utf8"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
)

// quarantinePage is what is in quarantine, or one of it.
type quarantinePage struct {
	opsread.Quarantine
	Failure *client.Problem
	// One is what is looked at; nil for the list. Decoded is its record as JSON, empty if it is
	// none, and Raw its bytes.
	One          *opsread.Quarantined
	Decoded, Raw string
	May, Here    bool
	Token        string
	AllTenants   bool
}

// maxRaw bounds the bytes that are shown.
const maxRaw = 4 << 10

// quarantine shows the list, or one account or record with its cause.
func (p *Pages) quarantine(r *view.Request) (view.Page, error) {
	data := quarantinePage{May: r.May(access.OpsWrite), Here: p.jobs != nil, Token: r.FormToken, AllTenants: r.AllTenants}
	page := view.Page{Title: "Quarantine", Section: "Quarantine", Templates: templates, Name: "quarantine", Source: "/v1/ops/quarantine"}
	id := r.QueryParam("id")
	if id != "" && r.May(access.AccountsRead) {
		page.Source += "?" + url.Values{"consumer": {r.QueryParam("consumer")}, "id": {id}}.Encode()
	}
	_, err := r.API.Get(r.Ctx(), page.Source, &data.Quarantine)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	if id == "" || err != nil {
		page.Data = data
		return page, nil
	}
	for _, q := range data.Quarantined {
		if q.ID == id && q.Consumer == r.QueryParam("consumer") {
			data.One = &q
			data.Decoded, data.Raw = decoded(q.Data)
		}
	}
	page.Name, page.Title, page.Data = "quarantined", "In quarantine", data
	return page, nil
}

// decoded returns the bytes of a record as JSON, empty if they are none, and as text or hex.
func decoded(data []byte) (text, raw string) {
	var indented bytes.Buffer
	if json.Indent(&indented, data, "", "  ") == nil && len(data) > 0 {
		text = indented.String()
	}
	shown := data[:min(len(data), maxRaw)]
	if utf8.Valid(shown) {
		return text, string(shown)
	}
	return text, hex.Dump(shown)
}
