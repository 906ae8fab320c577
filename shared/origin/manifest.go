package origin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/event"
)

const (
	// headsDir begins the keys of manifests, and partsDir those of their parts.
	headsDir = "heads/v1/"
	partsDir = "headparts/v1/"
	// manifestFormat is the format of a manifest.
	manifestFormat = 1
	// partHeads is how many heads a part has at most, at about 120 bytes each.
	partHeads = 1 << 15
	// maxManifest and maxPart bound what is read into memory: a manifest has 110 bytes for each
	// part, so that 1 MB is that of 300 million accounts. maxManifests bounds those in a bucket.
	maxManifest  = 1 << 20
	maxPart      = 16 << 20
	maxManifests = 1000
)

// Head is the last entry that an account has in a format without a mac. The entries before it are
// those that its chain of hashes leads to.
type Head struct {
	Account event.Account
	// Version is that of the entry's last event.
	Version int64
	Hash    event.Hash
}

// manifest is the content of heads/v1/<sum>.json.
type manifest struct {
	Format int    `json:"format"`
	Bank   string `json:"bank"`
	// Entries is the entry format that the bank was switched to.
	Entries int       `json:"entries"`
	Taken   time.Time `json:"taken"`
	// Accounts is how many heads the parts have, which are sorted by account.
	Accounts int64      `json:"accounts"`
	Parts    []partName `json:"parts"`
	// MAC is over the SHA-256 of this JSON without it.
	MAC string `json:"mac,omitempty"`
}

// partName names a part by the sum of its content, and its first account.
type partName struct {
	First    string `json:"first"`
	Accounts int    `json:"accounts"`
	Sum      string `json:"sum"`
}

// headLine is a line of a part.
type headLine struct {
	Account string `json:"account"`
	Version int64  `json:"version"`
	Hash    string `json:"hash"`
}

// ManifestDraft writes a manifest of heads. It holds one part in memory, at most 4 MB, and 100
// bytes for each part before. It is for one goroutine.
type ManifestDraft struct {
	bucket bucket.Bucket
	keys   *event.Keyring
	m      manifest
	text   bytes.Buffer
	part   partName
	last   string
}

// NewManifest begins the manifest of a bank that switches to an entry format, signed with the
// newest of its data keys.
func NewManifest(b bucket.Bucket, bank string, entries int, keys *event.Keyring) *ManifestDraft {
	return &ManifestDraft{bucket: b, keys: keys, m: manifest{
		Format: manifestFormat, Bank: bank, Entries: entries, Taken: time.Now().UTC().Truncate(time.Microsecond), Parts: []partName{},
	}}
}

// Add adds the head of an account. Accounts come in the byte order of their partition keys.
func (d *ManifestDraft) Add(ctx context.Context, h Head) error {
	account := h.Account.String()
	if account <= d.last {
		return fmt.Errorf("manifest of heads: account %s comes after %s", account, d.last)
	}
	line, err := json.Marshal(headLine{account, h.Version, h.Hash.String()})
	if err != nil {
		return fmt.Errorf("manifest of heads: %w", err)
	}
	if d.part.Accounts == 0 {
		d.part.First = account
	}
	d.text.Write(append(line, '\n'))
	d.last, d.part.Accounts, d.m.Accounts = account, d.part.Accounts+1, d.m.Accounts+1
	if d.part.Accounts < partHeads {
		return nil
	}
	return d.endPart(ctx)
}

// endPart writes the part.
func (d *ManifestDraft) endPart(ctx context.Context) error {
	text := bytes.Clone(d.text.Bytes())
	d.part.Sum = sumOf(text)
	if err := create(ctx, d.bucket, partKey(d.part.Sum), text); err != nil {
		return err
	}
	d.m.Parts = append(d.m.Parts, d.part)
	d.part = partName{}
	d.text.Reset()
	return nil
}

// Close signs the manifest, writes it and returns its sum, which the bank's row names.
func (d *ManifestDraft) Close(ctx context.Context) (sum string, err error) {
	if d.part.Accounts > 0 {
		if err := d.endPart(ctx); err != nil {
			return "", err
		}
	}
	signed, err := d.m.signed()
	if err != nil {
		return "", err
	}
	d.m.MAC = d.keys.Sign(signed).String()
	text, err := json.Marshal(d.m)
	if err != nil {
		return "", fmt.Errorf("manifest of heads: %w", err)
	}
	text = append(text, '\n')
	sum = sumOf(text)
	return sum, create(ctx, d.bucket, manifestKey(sum), text)
}

// signed returns what the manifest's mac is over.
func (m manifest) signed() (event.Hash, error) {
	m.MAC = ""
	text, err := json.Marshal(m)
	if err != nil {
		return event.Hash{}, fmt.Errorf("manifest of heads: %w", err)
	}
	return sha256.Sum256(text), nil
}

// verify returns ErrForeign if the manifest was not signed with one of the keys.
func (m manifest) verify(keys *event.Keyring) error {
	signed, err := m.signed()
	if err != nil {
		return err
	}
	mac, err := event.ParseMAC(m.MAC)
	if err != nil {
		return fmt.Errorf("%w: %w", event.ErrForeign, err)
	}
	return keys.Verify(signed, mac)
}

// create creates an object that is named by its content.
func create(ctx context.Context, b bucket.Bucket, key string, text []byte) error {
	err := b.Create(ctx, key, text)
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

func manifestKey(sum string) string { return headsDir + sum + ".json" }
func partKey(sum string) string     { return partsDir + sum + ".ndjson" }

// sumOf returns the SHA-256 of a text as manifests spell it.
func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
