package archivelog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// row is the log's row of the control table. Its conditional write is what decides the order of the
// leaves; the objects in the bucket follow from it.
type row struct {
	rev   int64
	owner string
	// size and root are the log's, before is its size without the leaves of the last write, and
	// leaves are the texts of these.
	size, before int64
	root         tlog.Hash
	leaves       []string
	at           time.Time
}

// readRow returns the row, or the zero row if there is none.
func readRow(ctx context.Context, rows control.Rows) (r row, err error) {
	stored, err := rows.Get(ctx, control.LogKey)
	if errors.Is(err, table.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read the archive log's row: %w", err)
	}
	a := stored.Attrs
	rev, okRev := a["rev"].(table.N)
	size, okSize := a["size"].(table.N)
	before, okBefore := a["before"].(table.N)
	owner, okOwner := a["owner"].(table.S)
	leaves, okLeaves := a["leaves"].(table.S)
	root, _ := a["root"].(table.S)
	at, _ := a["at"].(table.S)
	r = row{rev: int64(rev), owner: string(owner), size: int64(size), before: int64(before)}
	if leaves != "" {
		r.leaves = strings.Split(string(leaves), "\n")
	}
	hash, badRoot := event.ParseHash(string(root))
	r.root = tlog.Hash(hash)
	r.at, err = time.Parse(timeForm, string(at))
	if err != nil || badRoot != nil || !okRev || !okSize || !okBefore || !okOwner || !okLeaves || r.before+int64(len(r.leaves)) != r.size {
		return r, errors.New("the archive log's row of the control table is damaged")
	}
	return r, nil
}

// put writes the row over that of the revision before.
func (r row) put(ctx context.Context, rows control.Rows) error {
	return rows.Put(ctx, control.LogKey, table.Map{
		"rev": table.N(r.rev), "owner": table.S(r.owner), "size": table.N(r.size), "before": table.N(r.before),
		"root": table.S(event.Hash(r.root).String()), "leaves": table.S(strings.Join(r.leaves, "\n")), "at": table.S(r.at.UTC().Format(timeForm)),
	}, control.Revision(r.rev-1))
}
