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

// toolVariables are the variables that the commands which call a bank, and scripts and tests of
// this repository, read.
var toolVariables = []string{"PASSBOOK_SERVER", "PASSBOOK_KEY", "PASSBOOK_PROFILE", "PASSBOOK_TIMEOUT", "PASSBOOK_LOCALSTACK_HOME", "PASSBOOK_JAVA", "PASSBOOK_KILLS", "PASSBOOK_BACKUPS", "PASSBOOK_TEST_UNVERSIONED", "PASSBOOK_TEST_HISTORY"}

// Unknown returns the variables of environ that begin like settings and are none, such as misspelt
// ones.
func Unknown(environ []string) (names []string) {
	t := reflect.TypeFor[Config]()
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "PASSBOOK_") || slices.Contains(toolVariables, name) || slices.Contains(names, name) {
			continue
		}
		if !slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("env") == name }) {
			names = append(names, name)
		}
	}
	return names
}

// Variable returns the environment variable of a flag, which is given without dashes.
func Variable(flag string) (name string, ok bool) {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("flag") == flag {
			return t.Field(i).Tag.Get("env"), true
		}
	}
	return "", false
}
