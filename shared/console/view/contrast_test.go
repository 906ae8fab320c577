package view

import (
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The least ratios of WCAG 2.2: of text, and of what a control or a chart is known by. The tokens
// keep some distance from them.
const (
	leastText = 5.5
	leastLine = 3.0
)

// What stands on what. A state's text also stands on its own wash.
var (
	grounds  = []string{"paper", "sheet", "sunk"}
	texts    = []string{"ink", "ink-2", "accent", "ok", "warn", "bad"}
	lines    = []string{"edge", "accent", "ok", "warn", "bad", "ink-2"}
	onGround = [][2]string{{"on-accent", "accent"}, {"ink", "accent-wash"}, {"ink-2", "accent-wash"}, {"accent", "accent-wash"},
		{"ok", "ok-wash"}, {"warn", "warn-wash"}, {"bad", "bad-wash"}, {"ink", "ok-wash"}, {"ink", "warn-wash"}, {"ink", "bad-wash"}}
)

var (
	block = regexp.MustCompile(`(:root[^{]*)\{([^{}]*--paper:[^{}]*)\}`)
	token = regexp.MustCompile(`--([a-z0-9-]+):\s*#([0-9A-Fa-f]{6})\b`)
	color = regexp.MustCompile(`#[0-9A-Fa-f]{3,8}\b|\brgba?\(|\bhsla?\(`)
)

// TestEveryPairOfTokensCanBeRead computes the contrast of the style sheet's tokens, light and dark.
func TestEveryPairOfTokensCanBeRead(t *testing.T) {
	for name, theme := range themes(t) {
		lowestText, lowestLine := math.Inf(1), math.Inf(1)
		check := func(front, back string, least float64, lowest *float64) {
			ratio := contrast(t, theme, front, back)
			*lowest = min(*lowest, ratio)
			if ratio < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, at least %.1f", name, front, back, ratio, least)
			}
		}
		for _, back := range grounds {
			for _, front := range texts {
				check(front, back, leastText, &lowestText)
			}
			for _, front := range lines {
				check(front, back, leastLine, &lowestLine)
			}
		}
		for _, pair := range onGround {
			check(pair[0], pair[1], leastText, &lowestText)
		}
		t.Logf("%s: the lowest contrast of text is %.2f, of a line %.2f", name, lowestText, lowestLine)
	}
}

// TestColorsAreTokens finds colours that are no token, whose contrast nobody would compute. The one
// shadow of menus and dialogs is black.
func TestColorsAreTokens(t *testing.T) {
	rest := strings.ReplaceAll(block.ReplaceAllString(styleSheet(t), ""), "rgb(0 0 0", "")
	for _, found := range color.FindAllString(rest, -1) {
		t.Errorf("console.css: %q outside the tokens: name it there", found)
	}
}

// themes returns the tokens of light and dark. Dark stands twice, for the browser's choice and the
// person's, and is the same.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	blocks := block.FindAllStringSubmatch(styleSheet(t), -1)
	if len(blocks) != 3 {
		t.Fatalf("console.css has %d blocks of tokens, expected light, dark, and dark when chosen", len(blocks))
	}
	var all []map[string]string
	for _, b := range blocks {
		tokens := map[string]string{}
		for _, m := range token.FindAllStringSubmatch(b[2], -1) {
			tokens[m[1]] = m[2]
		}
		all = append(all, tokens)
	}
	if !maps.Equal(all[1], all[2]) {
		t.Errorf("dark by the browser and dark by choice differ: %v and %v", all[1], all[2])
	}
	if len(all[0]) != len(all[1]) {
		t.Errorf("light has %d tokens and dark %d", len(all[0]), len(all[1]))
	}
	return map[string]map[string]string{"light": all[0], "dark": all[1]}
}

// styleSheet returns console.css without comments.
func styleSheet(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(text), "")
}

// contrast returns the ratio of two tokens by the formula of WCAG 2.
func contrast(t *testing.T, theme map[string]string, front, back string) float64 {
	t.Helper()
	a, b := luminance(t, theme, front), luminance(t, theme, back)
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// luminance returns the relative luminance of a token.
func luminance(t *testing.T, theme map[string]string, name string) float64 {
	t.Helper()
	hex, found := theme[name]
	if !found {
		t.Fatalf("console.css has no token %s", name)
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(fmt.Errorf("the token %s: %w", name, err))
	}
	part := func(shift uint) float64 {
		v := float64(n>>shift&0xFF) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}
