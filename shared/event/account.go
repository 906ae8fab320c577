package event

import (
	"crypto/md5" //nolint:gosec // the bucket follows Kinesis' placement of keys; it guards nothing.
	"strings"
)

// Account names an account of a tenant.
type Account struct{ Tenant, ID string }

// String returns the account's partition key, in the journal and on the stream.
func (a Account) String() string { return a.Tenant + "#" + a.ID }

// ParseAccount reads what String writes; ok is false for anything else.
func ParseAccount(s string) (a Account, ok bool) {
	tenant, id, ok := strings.Cut(s, "#")
	return Account{tenant, id}, ok && tenant != "" && id != "" && !strings.Contains(id, "#")
}

// EventID returns the id of the account's event of that version.
func (a Account) EventID(version int64) string { return EventID(a.ID, version) }

// HashBuckets names the sixteen parts into which accounts fall by their hash key: the hex digits.
const HashBuckets = "0123456789abcdef"

// HashBucket returns the first hex digit of the account's hash key, which is the MD5 of its
// partition key, as in Kinesis. A shard's hash range is a run of buckets.
func (a Account) HashBucket() byte {
	var room [160]byte
	key := append(append(append(room[:0], a.Tenant...), '#'), a.ID...)
	sum := md5.Sum(key) //nolint:gosec // see the import
	return HashBuckets[sum[0]>>4]
}

// Account returns the account that the entry belongs to.
func (e *Entry) Account() Account { return Account{e.Tenant, e.AccountID} }
