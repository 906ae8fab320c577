package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"passbook/shared/progress"
)

// lineEvery spaces the lines of a progress report that is not on a terminal.
const lineEvery = 5 * time.Second

// followEvery spaces the looks of Follow.
const followEvery = 200 * time.Millisecond

// Progress reports the progress of a job: as a bar on a terminal, as a line every 5 seconds
// elsewhere. It is for one goroutine.
type Progress struct {
	out   io.Writer
	name  string
	bar   *progressbar.ProgressBar
	phase string
	last  time.Time
	now   func() time.Time
}

// NewProgress starts a report about the job called name.
func NewProgress(out io.Writer, name string) *Progress {
	p := &Progress{out: out, name: name, now: time.Now}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(name),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(os.Getenv("NO_COLOR") == ""))
	}
	p.last = p.now()
	return p
}

// Report shows the progress of the job.
func (p *Progress) Report(s progress.Snapshot) {
	if p.bar != nil {
		p.reportBar(s)
		return
	}
	if now := p.now(); now.Sub(p.last) >= lineEvery {
		p.last = now
		fmt.Fprintln(p.out, p.line(s))
	}
}

// reportBar moves the bar.
func (p *Progress) reportBar(s progress.Snapshot) {
	if s.Phase != p.phase {
		p.phase = s.Phase
		p.bar.Reset()
	}
	p.bar.Describe(p.title(s.Phase) + ", " + speed(s))
	total := s.Total
	if total == 0 {
		total = -1
	}
	p.bar.ChangeMax64(total)
	_ = p.bar.Set64(s.Done) // a terminal that is gone is no reason to stop the job
}

// title names the job and its phase; the phase is left out where it has the job's name or none.
func (p *Progress) title(phase string) string {
	if phase == "" || phase == p.name {
		return p.name
	}
	return p.name + ": " + phase
}

// line returns the report as text.
func (p *Progress) line(s progress.Snapshot) string {
	text := fmt.Sprintf("%s: %d", p.title(s.Phase), s.Done)
	if s.Total > 0 {
		text += fmt.Sprintf(" of %d", s.Total)
	}
	return text + fmt.Sprintf(" %s, %s", s.Unit, speed(s))
}

// speed returns the rate as text, and the time left where it is known.
func speed(s progress.Snapshot) string {
	text := fmt.Sprintf("%.0f/s", s.Rate)
	if s.ETASeconds != nil {
		text += fmt.Sprintf(", %v to go", time.Duration(*s.ETASeconds*float64(time.Second)).Round(time.Second))
	}
	return text
}

// Follow reports what look returns, several times a second, until the returned function is called.
func (p *Progress) Follow(look func() progress.Snapshot) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.Report(look())
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// Finish clears the bar.
func (p *Progress) Finish() {
	if p.bar != nil {
		_ = p.bar.Finish() // see reportBar
	}
}
