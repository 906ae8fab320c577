package statement

import (
	"encoding/xml"
	"time"
)

// The types of camt.053.001.08 as far as a statement has them, in the order of the schema's
// sequences. Names in parentheses are those of the schema.

const (
	camtNamespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
	// maxCamtID is the longest reference (Max35Text), maxCamtAccount the longest identification of
	// an account (Max34Text).
	maxCamtID, maxCamtAccount = 35, 34
)

// camtTime is an instant (ISODateTime).
type camtTime struct{ time.Time }

// MarshalText writes UTC with microseconds.
func (t camtTime) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000Z"), nil
}

// camtGroupHeader identifies the message (GroupHeader81).
type camtGroupHeader struct {
	ID   string   `xml:"MsgId"`
	Made camtTime `xml:"CreDtTm"`
}

// camtPeriod is the period of the statement (DateTimePeriod1).
type camtPeriod struct {
	From camtTime `xml:"FrDtTm"`
	To   camtTime `xml:"ToDtTm"`
}

// camtAccount is the account (CashAccount39).
type camtAccount struct {
	ID       camtAccountID `xml:"Id"`
	Currency string        `xml:"Ccy"`
	Name     string        `xml:"Nm,omitempty"`
}

// camtAccountID is an IBAN or another identification (AccountIdentification4Choice).
type camtAccountID struct {
	IBAN  string     `xml:"IBAN,omitempty"`
	Other *camtOther `xml:"Othr"`
}

// camtOther is an identification (GenericAccountIdentification1).
type camtOther struct {
	ID string `xml:"Id"`
}

// camtAmount is an amount without a sign (ActiveOrHistoricCurrencyAndAmount).
type camtAmount struct {
	Currency string `xml:"Ccy,attr"`
	Value    string `xml:",chardata"`
}

// camtBalance is a balance (CashBalance8).
type camtBalance struct {
	Code   string      `xml:"Tp>CdOrPrtry>Cd"`
	Amount camtAmount  `xml:"Amt"`
	Side   string      `xml:"CdtDbtInd"`
	At     camtInstant `xml:"Dt"`
}

// camtInstant and camtDay are the two kinds of a date (DateAndDateTime2Choice).
type (
	camtInstant struct {
		At camtTime `xml:"DtTm"`
	}
	camtDay struct {
		Day string `xml:"Dt"`
	}
)

// camtEntry is a line of the statement (ReportEntry10).
type camtEntry struct {
	XMLName           xml.Name     `xml:"Ntry"`
	Reference         string       `xml:"NtryRef"`
	Amount            camtAmount   `xml:"Amt"`
	Side              string       `xml:"CdtDbtInd"`
	Reversal          bool         `xml:"RvslInd,omitempty"`
	Status            camtStatus   `xml:"Sts"`
	Booked            camtInstant  `xml:"BookgDt"`
	Value             camtDay      `xml:"ValDt"`
	ServicerReference string       `xml:"AcctSvcrRef,omitempty"`
	Code              camtCode     `xml:"BkTxCd"`
	Details           *camtDetails `xml:"NtryDtls"`
	Text              string       `xml:"AddtlNtryInf,omitempty"`
}

// camtStatus is the status of an entry (EntryStatus1Choice).
type camtStatus struct {
	Code string `xml:"Cd"`
}

// camtCode says what kind of transaction it is (BankTransactionCodeStructure4).
type camtCode struct {
	Domain string `xml:"Domn>Cd"`
	Family string `xml:"Domn>Fmly>Cd"`
	Sub    string `xml:"Domn>Fmly>SubFmlyCd"`
	Own    string `xml:"Prtry>Cd"`
	Issuer string `xml:"Prtry>Issr"`
}

// camtDetails has the one transaction of an entry (EntryDetails9).
type camtDetails struct {
	Transaction camtTransaction `xml:"TxDtls"`
}

// camtTransaction is a transaction (EntryTransaction10).
type camtTransaction struct {
	References *camtReferences `xml:"Refs"`
	Amount     camtAmount      `xml:"Amt"`
	Side       string          `xml:"CdtDbtInd"`
	Remittance *camtRemittance `xml:"RmtInf"`
}

// camtReferences are references of a transaction (TransactionReferences6).
type camtReferences struct {
	Proprietary []camtReference `xml:"Prtry"`
}

// camtReference is a reference of Passbook's (ProprietaryReference1).
type camtReference struct {
	Type      string `xml:"Tp"`
	Reference string `xml:"Ref"`
}

// camtRemittance is the text of a transaction (RemittanceInformation16).
type camtRemittance struct {
	Text string `xml:"Ustrd"`
}
