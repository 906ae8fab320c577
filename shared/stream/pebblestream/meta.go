package pebblestream

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strings"

	"passbook/shared/stream"
)

// hashKey is a 128-bit hash key, big-endian. In JSON it is hex.
type hashKey [16]byte

func (h hashKey) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

func (h *hashKey) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("hash key of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func (h hashKey) int() *big.Int { return new(big.Int).SetBytes(h[:]) }

func hashKeyOf(n *big.Int) (h hashKey) {
	n.FillBytes(h[:])
	return h
}

// shardMeta describes a shard.
type shardMeta struct {
	Number  uint32   `json:"number"`
	First   hashKey  `json:"first"`
	Last    hashKey  `json:"last"`
	Parents []uint32 `json:"parents,omitempty"`
	// ClosedAt is when the shard was split or merged, Unix microseconds; 0 while it is open.
	ClosedAt int64 `json:"closed_at,omitempty"`
	// Lost is the newest record that was trimmed.
	Lost mark `json:"lost,omitzero"`

	// id is the shard's id, which follows from its number.
	id string
}

// meta describes a stream. A meta that readers or writers can see is never changed, only replaced.
type meta struct {
	Name string `json:"name"`
	// ID distinguishes this stream from earlier ones of the name.
	ID uint64 `json:"id"`
	// Created is in Unix seconds. It is kept after a deletion, so that the next stream of the name
	// has a later one.
	Created int64       `json:"created"`
	Deleted bool        `json:"deleted,omitempty"`
	Next    uint32      `json:"next_shard"`
	Shards  []shardMeta `json:"shards"`

	// open has the indexes in Shards of the open shards, by hash key.
	open []int
}

// index fills the derived fields and returns m.
func (m *meta) index() *meta {
	m.open = m.open[:0]
	for i, s := range m.Shards {
		m.Shards[i].id = shardID(s.Number)
		if s.ClosedAt == 0 {
			m.open = append(m.open, i)
		}
	}
	slices.SortFunc(m.open, func(a, b int) int { return bytes.Compare(m.Shards[a].First[:], m.Shards[b].First[:]) })
	return m
}

// clone returns a copy to change.
func (m *meta) clone() *meta {
	c := *m
	c.Shards = slices.Clone(m.Shards)
	c.open = nil
	return &c
}

// place returns the open shard for a hash key. The open shards cover all hash keys.
func (m *meta) place(h hashKey) *shardMeta {
	i := sort.Search(len(m.open), func(i int) bool { return bytes.Compare(m.Shards[m.open[i]].Last[:], h[:]) >= 0 })
	return &m.Shards[m.open[i]]
}

// shard returns the shard of a number, nil if there is none.
func (m *meta) shard(number uint32) *shardMeta {
	for i := range m.Shards {
		if m.Shards[i].Number == number {
			return &m.Shards[i]
		}
	}
	return nil
}

// byID returns the shard of an id.
func (m *meta) byID(id string) (*shardMeta, error) {
	for i := range m.Shards {
		if m.Shards[i].id == id {
			return &m.Shards[i], nil
		}
	}
	return nil, fmt.Errorf("%w: shard %q of stream %q", stream.ErrNotFound, id, m.Name)
}

// add adds a shard. It may move the others in memory.
func (m *meta) add(first, last *big.Int, parents ...uint32) {
	m.Shards = append(m.Shards, shardMeta{Number: m.Next, id: shardID(m.Next), First: hashKeyOf(first), Last: hashKeyOf(last), Parents: parents})
	m.Next++
}

// addEqual adds n shards of equal ranges, as CreateStream of Kinesis does.
func (m *meta) addEqual(n int) {
	all := new(big.Int).Lsh(big.NewInt(1), 128)
	start := func(i int) *big.Int {
		s := new(big.Int).Mul(all, big.NewInt(int64(i)))
		return s.Quo(s, big.NewInt(int64(n)))
	}
	for i := range n {
		m.add(start(i), new(big.Int).Sub(start(i+1), big.NewInt(1)))
	}
}

// shardID returns the id of a shard, in the form of Kinesis.
func shardID(number uint32) string {
	digits := fmt.Sprint(number)
	return "shardId-" + strings.Repeat("0", 12-len(digits)) + digits
}

func (s shardMeta) port() stream.Shard {
	out := stream.Shard{ID: s.id, FirstHash: s.First.int(), LastHash: s.Last.int(), Closed: s.ClosedAt != 0}
	for _, p := range s.Parents {
		out.Parents = append(out.Parents, shardID(p))
	}
	return out
}
