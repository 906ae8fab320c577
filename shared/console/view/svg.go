package view

import (
	"fmt"
	"html/template"
	"strings"
)

// Spark returns a sparkline of 128 × 16: the last bin is the newest. A negative bin is one that is
// missing, which is a gap and never 0.
func Spark(bins []float64) template.HTML {
	const width, height = 128.0, 16.0
	most := 0.0
	for _, b := range bins {
		most = max(most, b)
	}
	var path strings.Builder
	step, drawing := width/float64(max(len(bins), 1)), false
	for i, b := range bins {
		if b < 0 {
			drawing = false
			continue
		}
		y := height - 1
		if most > 0 {
			y -= (height - 2) * b / most
		}
		x := float64(i) * step
		if drawing {
			fmt.Fprintf(&path, "V%.1fH%.1f", y, x+step)
		} else {
			fmt.Fprintf(&path, "M%.1f %.1fH%.1f", x, y, x+step)
		}
		drawing = true
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers
		`<svg class="spark" viewBox="0 0 128 16" width="128" height="16" aria-hidden="true"><path d="%s"/></svg>`, path.String()))
}

// LimitBar returns the bar of a credit limit: drawn solid, reserved hatched, the rest free, and an
// end piece where the use is over the limit. All are minor units of one currency.
func LimitBar(drawn, reserved, limit int64) template.HTML {
	used := drawn + reserved
	whole := max(limit, used, 1)
	width := func(part int64) float64 { return 1000 * float64(part) / float64(whole) }
	var bar strings.Builder
	bar.WriteString(`<svg class="limitbar" viewBox="0 0 1000 8" width="100%" height="8" preserveAspectRatio="none" aria-hidden="true">`)
	bar.WriteString(`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="3" height="6"/></pattern></defs>`)
	fmt.Fprintf(&bar, `<rect class="drawn" width="%.1f" height="8"/>`, width(drawn))
	fmt.Fprintf(&bar, `<rect class="reserved" x="%.1f" width="%.1f" height="8"/>`, width(drawn), width(reserved))
	if over := used - limit; over > 0 {
		fmt.Fprintf(&bar, `<rect class="over" x="%.1f" width="%.1f" height="8"/>`, 1000-width(over), width(over))
	}
	bar.WriteString(`<rect class="frame" x="0.5" y="0.5" width="999" height="7"/></svg>`)
	return template.HTML(bar.String()) //nolint:gosec // numbers
}

// Share returns a bar of a share between 0 and 1.
func Share(part float64) template.HTML {
	return template.HTML(fmt.Sprintf( //nolint:gosec // a number
		`<svg class="share" viewBox="0 0 100 8" width="100%%" height="8" preserveAspectRatio="none" aria-hidden="true"><rect class="frame" width="100" height="8"/><rect class="drawn" width="%.1f" height="8"/></svg>`,
		100*min(max(part, 0), 1)))
}
