package statement

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"passbook/shared/event"
)

// camtFile writes a camt.053.001.08 message with one statement. Its elements are written one by
// one, so that the message may be of any length.
type camtFile struct {
	*xml.Encoder
	currency string
}

func newCamt(w io.Writer) writer {
	f := &camtFile{Encoder: xml.NewEncoder(w)}
	f.Indent("", " ")
	return f
}

// The elements around the entries.
var (
	camtDocument = xml.StartElement{Name: xml.Name{Local: "Document"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: camtNamespace}}}
	camtMessage  = xml.StartElement{Name: xml.Name{Local: "BkToCstmrStmt"}}
	camtStmt     = xml.StartElement{Name: xml.Name{Local: "Stmt"}}
)

func (f *camtFile) begin(h heading) error {
	f.currency = h.Currency
	id := messageID(h)
	account, name := camtAccountOf(h.Account.ID)
	err := f.tokens(xml.ProcInst{Target: "xml", Inst: []byte(`version="1.0" encoding="UTF-8"`)}, xml.CharData("\n"), camtDocument, camtMessage)
	if err == nil {
		err = f.element("GrpHdr", camtGroupHeader{id, camtTime{h.Made}})
	}
	if err == nil {
		err = f.tokens(camtStmt)
	}
	for _, e := range []struct {
		name  string
		value any
	}{
		{"Id", id}, {"CreDtTm", camtTime{h.Made}}, {"FrToDt", camtPeriod{camtTime{h.From}, camtTime{h.To}}},
		{"Acct", camtAccount{ID: account, Currency: h.Currency, Name: name}},
		{"Bal", f.balance("OPBD", h.Opening.Posted, h.From)}, {"Bal", f.balance("CLBD", h.Closing.Posted, h.To)},
	} {
		if err == nil {
			err = f.element(e.name, e.value)
		}
	}
	return err
}

func (f *camtFile) line(l Line) error {
	amount, side := f.amount(l.Amount)
	text, details := entryText(l), camtTransaction{}
	if l.OriginalTransactionID != "" {
		details.References = &camtReferences{Proprietary: []camtReference{{"ORIGINAL", l.OriginalTransactionID}}}
	}
	if l.HoldID != "" {
		details.References = &camtReferences{Proprietary: []camtReference{{"HOLD", l.HoldID}}}
	}
	if reference := plain(l.Reference); reference != "" {
		details.Remittance = &camtRemittance{reference}
	}
	entry := camtEntry{
		Reference: l.TransactionID, Amount: amount, Side: side, Reversal: l.OriginalTransactionID != "", Status: camtStatus{"BOOK"},
		Booked: camtInstant{camtTime{l.RecordedAt.Time}}, Value: camtDay{l.EffectiveAt.Format(time.DateOnly)},
		Code: transactionCode(l), Text: text,
	}
	if len([]rune(l.EventID)) <= maxCamtID {
		entry.ServicerReference = l.EventID
	}
	if details != (camtTransaction{}) {
		details.Amount, details.Side = amount, side
		entry.Details = &camtDetails{details}
	}
	return f.element("Ntry", entry)
}

func (f *camtFile) end() error {
	if err := f.tokens(camtStmt.End(), camtMessage.End(), camtDocument.End(), xml.CharData("\n")); err != nil {
		return err
	}
	return f.Close()
}

// tokens writes tokens.
func (f *camtFile) tokens(tokens ...xml.Token) error {
	for _, t := range tokens {
		if err := f.EncodeToken(t); err != nil {
			return fmt.Errorf("write camt.053: %w", err)
		}
	}
	return nil
}

// element writes an element.
func (f *camtFile) element(name string, value any) error {
	if err := f.EncodeElement(value, xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
		return fmt.Errorf("write %s of camt.053: %w", name, err)
	}
	return nil
}

// balance returns a balance of a type of the external code list.
func (f *camtFile) balance(code string, posted int64, at time.Time) camtBalance {
	amount, side := f.amount(posted)
	return camtBalance{Code: code, Amount: amount, Side: side, At: camtInstant{camtTime{at}}}
}

// amount returns an amount without its sign, and its side.
func (f *camtFile) amount(minor int64) (camtAmount, string) {
	text, negative := strings.CutPrefix(decimal(minor, f.currency), "-")
	if negative {
		return camtAmount{f.currency, text}, "DBIT"
	}
	return camtAmount{f.currency, text}, "CRDT"
}

// messageID returns the id of a statement: the same for the same part of the same account.
func messageID(h heading) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d", h.Account, h.Opening.Version, h.Closing.Version))
	return hex.EncodeToString(sum[:16])
}

// camtAccountOf returns the identification of an account. An id that is longer than the schema
// allows is the name, and its digest the identification.
func camtAccountOf(id string) (identification camtAccountID, name string) {
	switch {
	case isIBAN(id):
		identification.IBAN = id
	case len(id) <= maxCamtAccount:
		identification.Other = &camtOther{id}
	default:
		sum := sha256.Sum256([]byte(id))
		identification.Other, name = &camtOther{hex.EncodeToString(sum[:maxCamtAccount/2])}, id
	}
	return identification, name
}

// isIBAN reports whether an account's id is an IBAN: its form and its check digits (ISO 13616).
func isIBAN(id string) bool {
	if len(id) < 15 || len(id) > maxCamtAccount {
		return false
	}
	rest := 0
	for i, b := range []byte(id[4:] + id[:4]) {
		letter := b >= 'A' && b <= 'Z'
		digit := b >= '0' && b <= '9'
		switch at := (i + 4) % len(id); {
		case at < 2 && !letter, at >= 2 && at < 4 && !digit, !letter && !digit:
			return false
		case letter:
			rest = (rest*100 + int(b-'A') + 10) % 97
		default:
			rest = (rest*10 + int(b-'0')) % 97
		}
	}
	return rest == 1
}

// entryText returns what kind of movement a line is, with what it came from or went to.
func entryText(l Line) string {
	text := l.Type
	if l.Kind != "" {
		text = l.Kind
	}
	if contra := plain(l.Contra); contra != "" {
		text += ": " + contra
	}
	return text
}

// transactionCode returns the code of a movement in the external list of bank transaction codes,
// beside Passbook's own.
func transactionCode(l Line) camtCode {
	domain, family, sub := "PMNT", "MCOP", "OTHR" // miscellaneous credit operation
	if l.Amount < 0 {
		family = "MDOP"
	}
	own := l.Kind
	switch l.Kind {
	case "deposit":
		family, sub = "CNTR", "CDPT"
	case "cash":
		family, sub = "CNTR", "CWDL"
	case "card":
		family, sub = "CCRD", "POSD"
	case "transfer_in":
		family, sub = "RCDT", "BOOK"
	case "transfer_out":
		family, sub = "ICDT", "BOOK"
	case "interest":
		domain, sub = "ACMT", "INTR"
	case "fee":
		domain, sub = "ACMT", "FEES"
	case "adjustment":
		domain, sub = "ACMT", "ADJT"
	case "":
		own = event.TransactionReversed{}.Type()
	}
	return camtCode{Domain: domain, Family: family, Sub: sub, Own: own, Issuer: "Passbook"}
}
