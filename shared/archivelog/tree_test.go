package archivelog

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// stored has the hashes of a log as package tlog stores them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, s[i])
	}
	return hashes, nil
}

// The tree has the roots and tiles of the log of the Go checksum database.
func TestTreeIsThatOfTlog(t *testing.T) {
	var reference stored
	var edge tree
	full := map[string]int{}
	for i := range int64(tileWidth*tileWidth + 3*tileWidth + 5) {
		text := fmt.Appendf(nil, "leaf %d", i)
		hashes, err := tlog.StoredHashes(i, text, reference)
		if err != nil {
			t.Fatal(err)
		}
		reference = append(reference, hashes...)
		complete := edge.add(text)
		if i > 700 && i%997 != 0 && len(complete) == 0 {
			continue
		}
		want, err := tlog.TreeHash(i+1, reference)
		if err != nil {
			t.Fatal(err)
		}
		if got := edge.root(); got != want {
			t.Fatalf("the root of %d leaves is %s, not %s", i+1, got, want)
		}
		for _, is := range append(complete, edge.partial()...) {
			full[fmt.Sprint(is.level, len(is.hashes) == tileWidth)]++
			data, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: is.level, N: is.number, W: len(is.hashes)}, reference)
			if err != nil {
				t.Fatal(err)
			}
			for j, hash := range is.hashes {
				if string(data[j*tlog.HashSize:(j+1)*tlog.HashSize]) != string(hash[:]) {
					t.Fatalf("tile %d of level %d differs at %d", is.number, is.level, j)
				}
			}
		}
	}
	if full["0 true"] != tileWidth+3 || full["1 true"] != 1 || full["2 false"] == 0 {
		t.Errorf("tiles by level: %v", full)
	}
}

func TestNames(t *testing.T) {
	for name, got := range map[string]string{
		"log/v1/tile/entries/000.p/7":          tileName(entriesRoot, 0, 7),
		"log/v1/tile/entries/x001/x234/067":    tileName(entriesRoot, 1234067, tileWidth),
		"log/v1/tile/2/x001/000.p/255":         tileName(hashesRoot(2), 1000, 255),
		"log/v1/checkpoints/99999999/9957.txt": checkpointName(42),
		"log/v1/checkpoints/00000000/0000.txt": checkpointName(maxSize),
		"log/v1/checkpoints/99999876/5432.txt": checkpointName(1234567),
		"log/v1/keys/1.json":                   keyName(1),
		"00000000-0000-4000/archive-log":       wrappedFor("00000000-0000-4000"),
	} {
		if got != name {
			t.Errorf("%s, not %s", got, name)
		}
	}
	if size, ok := parseCheckpointName(checkpointName(1234567)); !ok || size != 1234567 {
		t.Errorf("parsed %d, %t", size, ok)
	}
	for _, key := range []string{"log/v1/checkpoints/999999999957.txt", "log/v1/checkpoints/99999999/9999.txt", "log/v1/checkpoints/x", "log/v1/checkpoints/99999999/99957.txt"} {
		if size, ok := parseCheckpointName(key); ok {
			t.Errorf("%s is the checkpoint of %d", key, size)
		}
	}
}
