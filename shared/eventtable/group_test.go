package eventtable

import (
	"fmt"
	"testing"
)

// sized returns files of a partition.
func sized(day, bucket int32, megabytes ...int64) (files []File) {
	for i, n := range megabytes {
		files = append(files, File{Key: fmt.Sprint(day, bucket, i), Day: day, Bucket: bucket, Bytes: n << 20})
	}
	return files
}

func TestWhichFilesAreMerged(t *testing.T) {
	many := make([]int64, 200)
	for i := range many {
		many[i] = 1
	}
	for name, c := range map[string]struct {
		files []File
		want  int // how many files, of the partition of the first
	}{
		"one":                              {sized(1, 0, 5), 0},
		"two of a day that is over":        {sized(1, 0, 5, 7), 2},
		"two of today":                     {sized(9, 0, 5, 7), 0},
		"many of today":                    {sized(9, 0, many...), mostMerged},
		"whole ones":                       {sized(1, 0, 128, 300), 0},
		"one beside a whole one":           {sized(1, 0, 128, 100), 0},
		"no more than make a whole one":    {sized(1, 0, 50, 60, 70, 80), 3},
		"a late one beside a large one":    {sized(1, 0, 1, 100), 0},
		"late ones, until they are enough": {sized(1, 0, 10, 10, 10, 100), 4},
		"only the small of many":           {sized(1, 0, 1, 1, 100), 2},
		"no more than fit into memory":     {sized(1, 0, 90, 100, 110, 120), 2},
		"the oldest day":                   {append(sized(1, 1, 5, 5, 5), sized(2, 0, 5, 5)...), 3},
		"the first bucket":                 {append(sized(1, 1, 5, 5, 5), sized(1, 2, 5, 5)...), 3},
	} {
		for range 5 { // whatever the order of a map
			got := nextGroup(c.files, 9, 200<<20)
			if len(got) != c.want || c.want > 0 && (got[0].Day != c.files[0].Day || got[0].Bucket != c.files[0].Bucket) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}
