package archive

import (
	"context"
	"fmt"
	"strings"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// maxStrays bounds the strays that are named; all are counted.
const maxStrays = 1000

// Strays are the objects that are no part of the archive. They stop nothing.
type Strays struct {
	// Count is how many there are; List names the first of them, each with what it is.
	Count int64    `json:"count"`
	List  []string `json:"list,omitempty"`
}

func (s *Strays) add(key, what string) {
	s.Count++
	if len(s.List) < maxStrays {
		s.List = append(s.List, key+": "+what)
	}
}

// maxOutsidePages bounds the listings that look for objects outside of the archive.
const maxOutsidePages = 32

// StraysOutside names objects that lie beside the archive in its bucket, as far as a few listings
// show them.
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
				found.add(info.Key, "not of the archive")
				continue
			}
			if behind := strings.TrimSuffix(root, "/") + "0"; page.After != "" && behind > after { // "0" is what follows a slash
				after = behind
			}
		}
		if page.After == "" {
			return found, nil
		}
	}
	return found, nil
}

// roots are what the keys of the archive's objects begin with.
var roots = []string{segment.Root, EndMarkerRoot, RetirementRoot, "owner.json"}

func rootOf(key string) string {
	for _, root := range roots {
		if strings.HasPrefix(key, root) {
			return root
		}
	}
	return ""
}
