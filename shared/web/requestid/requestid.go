package requestid

import (
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// most is the most bytes of an X-Request-ID that is used; it becomes a part of the entry.
const most = 64

// Of returns the caller's X-Request-ID if it is usable, else a new id that sorts by time.
func Of(h http.Header) string {
	if given := h["X-Request-Id"]; len(given) == 1 && usable(given[0]) {
		return given[0]
	}
	return New()
}

// New returns a UUID of version 7, which sorts by time: of its 16 bytes 48 bits are the
// milliseconds, 12 a part of one, and 62 random. It is a name and no secret.
func New() string {
	var id uuid.UUID
	now := time.Now().UnixNano()
	milli, part := now/1e6, now%1e6>>8
	binary.BigEndian.PutUint64(id[:8], uint64(milli<<16|7<<12|part))
	binary.BigEndian.PutUint64(id[8:], 1<<63|rand.Uint64()>>2)
	return id.String()
}

// usable reports whether an id is safe to repeat anywhere, in HTML too: letters, digits and a
// few signs.
func usable(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20)-'a' > 25 && c-'0' > 9 && c != '.' && c != '_' && c != ':' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= most
}
