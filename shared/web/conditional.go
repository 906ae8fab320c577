package web

import (
	"net/http"
	"strings"
)

// isRead reports whether a method reads: HEAD is served wherever GET is, by the same handler.
func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// hasTag reports whether If-None-Match has the tag of an answer, compared weakly (RFC 9110,
// 13.1.2). An answer without a tag has none that could match.
func hasTag(given, tag []string) bool {
	if len(given) == 0 || len(tag) == 0 {
		return false
	}
	for _, line := range given {
		for candidate := range strings.SplitSeq(line, ",") { // our tags have no comma
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag[0] {
				return true
			}
		}
	}
	return false
}
