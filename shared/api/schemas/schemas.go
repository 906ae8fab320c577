package schemas

import (
	"embed"
	"path"
	"slices"
)

//go:embed entry.json notification.json cloudevent.json
var files embed.FS

// Path is where programs serve the schemas, and where the AsyncAPI document refers to them.
const Path = "/schemas/"

// The names of the schemas.
const (
	Entry        = "entry.json"
	Notification = "notification.json"
	CloudEvent   = "cloudevent.json"
)

// Names returns the names of all schemas.
func Names() []string { return slices.Clone([]string{Entry, Notification, CloudEvent}) }

// Text returns the text of a schema. It panics on a name that is none of Names.
func Text(name string) []byte {
	text, err := files.ReadFile(path.Clean(name))
	if err != nil {
		panic("schemas: no schema " + name)
	}
	return text
}
