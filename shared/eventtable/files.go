package eventtable

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// writeFiles sorts rows and writes them, a file for each partition. A key has the hash of the
// content, so that a run that is repeated after a crash writes the same objects.
func writeFiles(ctx context.Context, to Table, rows []Row) (files []File, err error) {
	buckets := map[string]int32{}
	for i := range rows {
		if _, known := buckets[rows[i].AccountID]; !known {
			buckets[rows[i].AccountID] = to.Bucket(rows[i].AccountID)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Day(), b.Day()), cmp.Compare(buckets[a.AccountID], buckets[b.AccountID]), byAccount(a, b))
	})
	for len(rows) > 0 {
		f := File{Day: rows[0].Day(), Bucket: buckets[rows[0].AccountID]}
		n := 0
		for ; n < len(rows) && rows[n].Day() == f.Day && buckets[rows[n].AccountID] == f.Bucket; n++ {
			f.widen(&rows[n])
		}
		data, err := encode(rows[:n])
		if err == nil {
			err = store(ctx, to, &f, data)
		}
		if err != nil {
			return nil, err
		}
		files, rows = append(files, f), rows[n:]
	}
	return files, nil
}

// store writes a file under a key that has its partition and the hash of its content.
func store(ctx context.Context, to Table, f *File, data []byte) error {
	sum := sha256.Sum256(data)
	day := time.Unix(0, 0).UTC().AddDate(0, 0, int(f.Day)).Format(time.DateOnly)
	f.Key = fmt.Sprintf("data/recorded_day=%s/account_bucket=%d/%s.parquet", day, f.Bucket, base64.RawURLEncoding.EncodeToString(sum[:]))
	f.Bytes = int64(len(data))
	err := to.Write(ctx, f.Key, data)
	if err != nil {
		return fmt.Errorf("event table: write %s: %w", f.Key, err)
	}
	return nil
}
