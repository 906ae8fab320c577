package archivelog

import (
	"fmt"
	"strconv"
	"strings"
)

// What the keys of the log's objects begin with.
const (
	Root            = "log/v1/"
	entriesRoot     = Root + "tile/entries/"
	checkpointsRoot = Root + "checkpoints/"
	keysRoot        = Root + "keys/"
)

// maxSize is the greatest number of leaves that a key has room for.
const maxSize = 999_999_999_999

// tileName returns the key of a tile under a root: its number in groups of three digits, of which
// all but the last begin with x, and .p/<width> where it is not complete. So C2SP's tlog-tiles
// names tiles.
func tileName(root string, number int64, width int) string {
	name := fmt.Sprintf("%03d", number%1000)
	for number /= 1000; number > 0; number /= 1000 {
		name = fmt.Sprintf("x%03d/%s", number%1000, name)
	}
	if width < tileWidth {
		name += ".p/" + strconv.Itoa(width)
	}
	return root + name
}

// hashesRoot returns what the keys of tiles of hashes of a level begin with.
func hashesRoot(level int) string { return Root + "tile/" + strconv.Itoa(level) + "/" }

// checkpointName returns the key of the checkpoint of a size. The number in it falls as sizes rise,
// so that the newest is listed first, and is divided, so that no directory grows without bound.
func checkpointName(size int64) string {
	digits := fmt.Sprintf("%012d", maxSize-size)
	return checkpointsRoot + digits[:8] + "/" + digits[8:] + ".txt"
}

// parseCheckpointName returns the size whose checkpoint has a key.
func parseCheckpointName(key string) (size int64, ok bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(key, checkpointsRoot), ".txt")
	down, err := strconv.ParseInt(strings.Replace(digits, "/", "", 1), 10, 64)
	size = maxSize - down
	return size, err == nil && size > 0 && checkpointName(size) == key
}
