package platform

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Setting is a setting of a configuration.
type Setting struct {
	// Flag and Variable are its names, Value is its text; a list has commas.
	Flag, Variable, Value string
	// Source is where the value is from: default, environment or command line.
	Source string
}

// Settings returns the settings of a configuration in the order of their flags. environ is what the
// process was started with. A value that no variable and no default has is from the command line.
func Settings(c Config, environ []string) []Setting {
	defaults, errDefault := FromEnv(nil)
	given, errGiven := FromEnv(environ)
	t := reflect.TypeFor[Config]()
	list := make([]Setting, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		s := Setting{Flag: f.Tag.Get("flag"), Variable: f.Tag.Get("env"), Value: settingText(c, i), Source: "command line"}
		switch named := slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, s.Variable+"=") }); {
		case named && errGiven == nil && s.Value == settingText(given, i):
			s.Source = "environment"
		case errDefault == nil && s.Value == settingText(defaults, i):
			s.Source = "default"
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Setting) int { return cmp.Compare(a.Flag, b.Flag) })
	return list
}

// settingText returns the text of a field.
func settingText(c Config, field int) string {
	value := reflect.ValueOf(c).Field(field).Interface()
	if names, ok := value.([]string); ok {
		return strings.Join(names, ",")
	}
	return fmt.Sprint(value)
}
