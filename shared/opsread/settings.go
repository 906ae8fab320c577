package opsread

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/web"
)

// Process describes a process and its settings.
type Process struct {
	Service string `json:"service"`
	Version string `json:"version"`
	// Go is the release that the program was built with.
	Go string `json:"go"`
	// Settings are in the order of their flags.
	Settings []Setting `json:"settings"`
	// Budgets are how the memory of the process is shared out.
	Budgets []Budget `json:"budgets"`
	// Space returns the free bytes of the volume of the data directory, and those below which
	// commands are refused; nil where there is no such directory.
	Space func() (free, floor int64) `json:"-"`
}

// Setting is a setting and where its value is from. A setting never has a secret: those are in
// files, which settings name.
type Setting struct {
	Flag     string `json:"flag"`
	Variable string `json:"variable"`
	Value    string `json:"value"`
	// Source is default, environment or command line.
	Source string `json:"source"`
}

// Budget is a bound of memory.
type Budget struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// Settings is the answer about a process.
type Settings struct {
	Process
	Free  *int64 `json:"free_bytes,omitempty"`
	Floor *int64 `json:"floor_bytes,omitempty"`
}

// settings answers with the settings of this process.
func (r *Reads) settings(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	answer := Settings{Process: r.Process}
	if r.Process.Space != nil {
		free, floor := r.Process.Space()
		answer.Free, answer.Floor = &free, &floor
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}
