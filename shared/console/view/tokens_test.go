package view_test

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"passbook/shared/console/view"
)

// The tokens of a theme, by name.
type tokens map[string]string

var (
	lightBlock = regexp.MustCompile(`(?s):root \{(.*?)\n\}`)
	darkBlock  = regexp.MustCompile(`(?s):root\[data-theme=dark\] \{(.*?)\n\}`)
	autoBlock  = regexp.MustCompile(`(?s):root:not\(\[data-theme=light\]\) \{(.*?)\n  \}`)
	token      = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9A-F]{6});`)
	colour     = regexp.MustCompile(`#[0-9A-Fa-f]{3,8}\b`)
)

// tokensOf returns the tokens of a block of the style sheet.
func tokensOf(t *testing.T, block *regexp.Regexp) tokens {
	t.Helper()
	found := block.FindSubmatch(view.StyleSheet())
	if found == nil {
		t.Fatalf("no block %s", block)
	}
	all := tokens{}
	for _, m := range token.FindAllSubmatch(found[1], -1) {
		all[string(m[1])] = string(m[2])
	}
	return all
}

// contrast returns the contrast of two colours (WCAG 2.2, 1.4.3).
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(c string) float64 {
		parts := [3]float64{}
		for i := range parts {
			v, err := strconv.ParseUint(c[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			if s := float64(v) / 255; s <= 0.04045 {
				parts[i] = s / 12.92
			} else {
				parts[i] = math.Pow((s+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*parts[0] + 0.7152*parts[1] + 0.0722*parts[2]
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func TestTextAndControlsCanBeSeen(t *testing.T) {
	for name, theme := range map[string]tokens{"light": tokensOf(t, lightBlock), "dark": tokensOf(t, darkBlock)} {
		text := [][2]string{{"on-accent", "accent"}, {"ok", "ok-wash"}, {"warn", "warn-wash"}, {"bad", "bad-wash"}, {"ink", "accent-wash"}, {"accent", "accent-wash"}}
		for _, ink := range []string{"ink", "ink-2", "accent", "ok", "warn", "bad"} {
			for _, ground := range []string{"paper", "sheet", "sunk"} {
				text = append(text, [2]string{ink, ground})
			}
		}
		for _, pair := range text {
			if got := contrast(t, theme[pair[0]], theme[pair[1]]); got < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than 4.5", name, pair[0], pair[1], got)
			}
		}
		for _, ground := range []string{"paper", "sheet", "sunk"} {
			if got := contrast(t, theme["edge"], theme[ground]); got < 3 {
				t.Errorf("%s: edge on %s has a contrast of %.2f, less than 3", name, ground, got)
			}
		}
	}
}

func TestDarkIsTheSameChosenOrByDefault(t *testing.T) {
	chosen, byDefault, light := tokensOf(t, darkBlock), tokensOf(t, autoBlock), tokensOf(t, lightBlock)
	if len(chosen) != len(light) || len(chosen) < 16 {
		t.Errorf("%d tokens dark, %d light", len(chosen), len(light))
	}
	for name, value := range chosen {
		if byDefault[name] != value || light[name] == "" {
			t.Errorf("%s is %s, by default %s, light %s", name, value, byDefault[name], light[name])
		}
	}
}

// Rules name tokens, so that a theme is its tokens alone; print has its own ink.
func TestRulesNameTokens(t *testing.T) {
	rest := view.StyleSheet()
	for _, block := range []*regexp.Regexp{lightBlock, darkBlock, autoBlock} {
		rest = block.ReplaceAll(rest, nil)
	}
	for _, found := range colour.FindAll(rest, -1) {
		if string(found) != "#000" {
			t.Errorf("a rule names the colour %s", found)
		}
	}
}
