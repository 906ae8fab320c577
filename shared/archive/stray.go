package archive

import (
	"context"
	"fmt"
	"strings"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// maxStrays bounds the strays that are listed; all are counted.
const maxStrays = 1000

// Strays are objects in the bucket that are not part of the archive. They are ignored.
type Strays struct {
	// Count is their number; List has the first of them, each with a description.
	Count int64    `json:"count"`
	List  []string `json:"list,omitempty"`
}

func (s *Strays) add(key, what string) {
	s.Count++
	if len(s.List) < maxStrays {
		s.List = append(s.List, key+": "+what)
	}
}

// maxOutsidePages bounds the listings of StraysOutside.
const maxOutsidePages = 32

// StraysOutside returns objects beside the archive in its bucket, as far as a few listings show
// them.
func StraysOutside(ctx context.Context, b bucket.Bucket) (found Strays, err error) {
	after := ""
	for range maxOutsidePages {
		page, err := b.List(ctx, "", after)
		if err != nil {
			return found, fmt.Errorf("archive: list after %q: %w", after, err)
		}
		after = page.After
		for _, info := range page.Objects {
			root := rootOf(info.Key)
			if root == "" {
				found.add(info.Key, "not part of the archive")
				continue
			}
			if behind := strings.TrimSuffix(root, "/") + "0"; page.After != "" && behind > after { // "0" is the character after the slash
				after = behind
			}
		}
		if page.After == "" {
			return found, nil
		}
	}
	return found, nil
}

// logRoot begins the keys of the signed log, which package archivelog writes.
const logRoot = "log/v1/"

// daysRoot begins the keys of the end-of-day manifests, which package endofday writes.
const daysRoot = "days/v1/"

// roots begin the keys of the archive's objects, or of what proves its origin: the copies of data
// keys, the heads of what was written before there were any, the signed log, and the manifests of
// days.
var roots = append(segment.Roots(), append(EndMarkerRoots(), RetirementRoot, logRoot, daysRoot, "owner.json", "keys/v1/", "heads/v1/", "headparts/v1/")...)

// keyFile is the file that wraps the data keys of a bank in a directory.
const keyFile = "key"

func rootOf(key string) string {
	for _, root := range roots {
		if strings.HasPrefix(key, root) {
			return root
		}
	}
	if key == keyFile {
		return keyFile
	}
	return ""
}
