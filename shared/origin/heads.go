package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"

	"passbook/shared/bucket"
	"passbook/shared/event"
)

// keptParts is how many parts Heads keeps in memory, at up to 4 MB each: a million accounts.
const keptParts = 32

// Heads is a manifest of heads. It reads its parts when they are asked for, and keeps keptParts of
// them, in about 130 MB at most. It is safe for concurrent use.
type Heads struct {
	bucket bucket.Bucket
	sum    string
	m      manifest
	others []*Heads // older manifests, where no row says which one counts

	mu    sync.Mutex
	parts map[int][]Head
	order []int // of the parts in memory, the one that was used last at the end
}

// LoadHeads reads the manifest that the bank's row names. What has another sum is refused.
func LoadHeads(ctx context.Context, b bucket.Bucket, sum string) (*Heads, error) {
	h, err := readHeads(ctx, b, sum)
	if err == nil {
		err = h.known()
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// readHeads reads a manifest of any format.
func readHeads(ctx context.Context, b bucket.Bucket, sum string) (*Heads, error) {
	text, err := readSummed(ctx, b, manifestKey(sum), sum, maxManifest)
	if err != nil {
		return nil, err
	}
	h := &Heads{bucket: b, sum: sum, parts: map[int][]Head{}}
	if err := json.Unmarshal(text, &h.m); err != nil {
		return nil, damaged(manifestKey(sum), err)
	}
	return h, nil
}

// known returns a Refusal if the manifest has a newer format than this program reads.
func (h *Heads) known() error {
	if h.m.Format <= manifestFormat {
		return nil
	}
	return &Refusal{
		What: fmt.Sprintf("the manifest %s has format %d, but this program reads up to %d", manifestKey(h.sum), h.m.Format, manifestFormat),
		Next: "use a newer program",
	}
}

// NewestHeads returns the manifests in the bucket that the bank has signed as one, for an archive
// whose tables are not there to name one of them: the newest, and of each account the greatest
// version in any. It is nil if nothing is there. What others put there does not count; if there is
// nothing else, it is a Refusal, since one that was damaged may have said which entries are the
// bank's.
func NewestHeads(ctx context.Context, b bucket.Bucket, bank string, keys *event.Keyring) (newest *Heads, err error) {
	seen := 0
	var signed []*Heads
	for key, err := range objects(ctx, b, headsDir) {
		if err != nil {
			return nil, err
		}
		if seen++; seen > maxManifests {
			return nil, &Refusal{
				What: fmt.Sprintf("the bucket has more than %d objects under %s", maxManifests, headsDir),
				Next: "remove those that no program of this bank wrote",
			}
		}
		h, err := signedHeads(ctx, b, key, bank, keys)
		if err != nil {
			return nil, err
		}
		if h != nil {
			signed = append(signed, h)
		}
	}
	if len(signed) == 0 && seen > 0 {
		return nil, &Refusal{
			What: fmt.Sprintf("no object under %s in the bucket is a manifest that bank %s has signed: nothing shows which of its entries without a mac are its own", headsDir, bank),
			Next: "put back the manifest as it was first written, by the bucket's versions; remove what no program of this bank wrote",
		}
	}
	for _, h := range signed {
		if newest == nil || h.m.Taken.After(newest.m.Taken) || h.m.Taken.Equal(newest.m.Taken) && h.sum > newest.sum {
			newest = h
		}
	}
	for _, h := range signed {
		if h != newest {
			newest.others = append(newest.others, h)
		}
	}
	return newest, nil
}

// signedHeads reads a manifest by its key, and returns nil for anything that the bank has not
// signed.
func signedHeads(ctx context.Context, b bucket.Bucket, key, bank string, keys *event.Keyring) (*Heads, error) {
	sum, ok := strings.CutSuffix(strings.TrimPrefix(key, headsDir), ".json")
	if _, err := event.ParseHash(sum); !ok || err != nil {
		return nil, nil
	}
	h, err := readHeads(ctx, b, sum)
	var damage *damagedError
	if errors.As(err, &damage) {
		return nil, nil
	}
	if err != nil || h.m.Bank != bank || h.m.verify(keys) != nil {
		return nil, err
	}
	return h, h.known()
}

// Sum returns the sum of the manifest, as the bank's row names it.
func (h *Heads) Sum() string { return h.sum }

// Accounts returns how many accounts the manifest has.
func (h *Heads) Accounts() int64 { return h.m.Accounts }

// Of returns the head of an account, and whether it has one: an account without one had no entry
// when the bank was switched.
func (h *Heads) Of(ctx context.Context, a event.Account) (head Head, found bool, err error) {
	head, found, err = h.of(ctx, a.String())
	for _, other := range h.others {
		older, known, failed := other.of(ctx, a.String())
		if err = errors.Join(err, failed); known && older.Version > head.Version {
			head, found = older, true
		}
	}
	if err != nil {
		return Head{}, false, err
	}
	return head, found, nil
}

// of returns the head of an account in this manifest.
func (h *Heads) of(ctx context.Context, key string) (Head, bool, error) {
	i := sort.Search(len(h.m.Parts), func(i int) bool { return h.m.Parts[i].First > key }) - 1
	if i < 0 {
		return Head{}, false, nil
	}
	heads, err := h.part(ctx, i)
	if err != nil {
		return Head{}, false, err
	}
	at, found := slices.BinarySearchFunc(heads, key, func(h Head, key string) int { return strings.Compare(h.Account.String(), key) })
	if !found {
		return Head{}, false, nil
	}
	return heads[at], true, nil
}

// All yields every head, in order of account. An error is the last.
func (h *Heads) All(ctx context.Context) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		for _, name := range h.m.Parts {
			heads, err := readPart(ctx, h.bucket, name)
			if err != nil {
				yield(Head{}, err)
				return
			}
			for _, head := range heads {
				if !yield(head, nil) {
					return
				}
			}
		}
	}
}

// part returns the heads of a part, from memory or from the bucket.
func (h *Heads) part(ctx context.Context, i int) ([]Head, error) {
	h.mu.Lock()
	heads, known := h.parts[i]
	if known {
		h.order = append(slices.DeleteFunc(h.order, func(j int) bool { return j == i }), i)
	}
	h.mu.Unlock()
	if known {
		return heads, nil
	}
	heads, err := readPart(ctx, h.bucket, h.m.Parts[i])
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.parts[i]; !known {
		h.parts[i], h.order = heads, append(h.order, i)
	}
	for len(h.order) > keptParts {
		delete(h.parts, h.order[0])
		h.order = h.order[1:]
	}
	return heads, nil
}

// readPart reads a part of a manifest.
func readPart(ctx context.Context, b bucket.Bucket, name partName) ([]Head, error) {
	key := partKey(name.Sum)
	text, err := readSummed(ctx, b, key, name.Sum, maxPart)
	if err != nil {
		return nil, err
	}
	heads := make([]Head, 0, name.Accounts)
	for line := range bytes.Lines(text) {
		var l headLine
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, damaged(key, err)
		}
		a, ok := event.ParseAccount(l.Account)
		hash, err := event.ParseHash(l.Hash)
		if !ok || err != nil {
			return nil, damaged(key, fmt.Errorf("the head of %q cannot be read", l.Account))
		}
		heads = append(heads, Head{Account: a, Version: l.Version, Hash: hash})
	}
	return heads, nil
}

// ErrLost: the bucket has no manifest of heads, or not all parts of it.
var ErrLost = errors.New("origin: a part of the manifest of heads is not in the bucket")

// lost returns the Refusal of a manifest that the bucket has no more, or of a part of it. It
// matches ErrLost.
func lost(key string) error {
	return &Refusal{
		What: fmt.Sprintf("%s, a part of the list of the bank's entries without a mac, is not in the bucket", key),
		Next: "put the object back as it was first written; where it is gone, bank upgrade --list-again makes the list again and trusts the entries without a mac that " +
			"the journal has now",
		cause: ErrLost,
	}
}

// damagedError is the error of an object that is not what its name says.
type damagedError struct {
	key string
	err error
}

func damaged(key string, err error) error { return &damagedError{key, err} }

// Error returns what is damaged, and what to do.
func (e *damagedError) Error() string {
	return fmt.Sprintf("%s in the bucket is damaged: %v: put back the object as it was first written", e.key, e.err)
}

// Unwrap returns the cause.
func (e *damagedError) Unwrap() error { return e.err }

var (
	errSum  = errors.New("its content has another sum than its name")
	errLong = errors.New("it is too long")
)

// readSummed reads an object whose content has the sum that it is named by.
func readSummed(ctx context.Context, b bucket.Bucket, key, sum string, most int64) ([]byte, error) {
	object, err := b.Open(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, lost(key)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	defer object.Close()
	if object.Size() > most {
		return nil, damaged(key, errLong)
	}
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if sumOf(text) != sum {
		return nil, damaged(key, errSum)
	}
	return text, nil
}

// objects yields the keys of the objects below a prefix.
func objects(ctx context.Context, b bucket.Bucket, prefix string) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for after, more := "", true; more; {
			page, err := b.List(ctx, prefix, after)
			if err != nil {
				yield("", fmt.Errorf("list %s in the bucket: %w", prefix, err))
				return
			}
			for _, object := range page.Objects {
				if !yield(object.Key, nil) {
					return
				}
			}
			after, more = page.After, page.After != ""
		}
	}
}
