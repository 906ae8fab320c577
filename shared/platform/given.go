package platform

import (
	"reflect"
	"strings"
)

// Given returns the settings that were given, each with where it is from, in the order of Config:
// "listen=127.0.0.1:0 (--listen), lease=5s (PASSBOOK_LEASE)". All others have their defaults. flags
// are by name without dashes, and prevail over environ. No setting is a secret: those that concern
// one name its file.
func Given(environ []string, flags map[string]string) string {
	variables := map[string]string{}
	for _, variable := range environ {
		if name, value, ok := strings.Cut(variable, "="); ok {
			variables[name] = value
		}
	}
	var given []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name, variable := field.Tag.Get("flag"), field.Tag.Get("env")
		if name == "" || variable == "" {
			continue
		}
		if value, ok := flags[name]; ok {
			given = append(given, name+"="+value+" (--"+name+")")
		} else if value := variables[variable]; value != "" {
			given = append(given, name+"="+value+" ("+variable+")")
		}
	}
	return strings.Join(given, ", ")
}
