package apitest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"passbook/shared/api"
	"passbook/shared/event"
)

// Shapes fails the test unless Validate of each command names its fields as their json tags do. It
// makes every field of a command wrong, so that Validate has all there is to say.
func Shapes(t testing.TB, commands ...api.Shaped) {
	t.Helper()
	for _, command := range commands {
		spoiled := reflect.New(reflect.TypeOf(command)).Elem()
		var tags []string
		for i := range spoiled.NumField() {
			name, _, _ := strings.Cut(spoiled.Type().Field(i).Tag.Get("json"), ",")
			tags = append(tags, "/"+name)
			spoil(spoiled.Field(i))
		}
		for _, found := range spoiled.Interface().(api.Shaped).Validate() {
			if !slices.Contains(tags, found.Pointer) {
				t.Errorf("%T has no field %s", command, found.Pointer)
			}
		}
	}
}

// spoil gives a field a value that no command may have.
func spoil(field reflect.Value) {
	const noText = "\x00"
	switch {
	case field.Type() == reflect.TypeFor[event.Text]():
		field.Set(reflect.ValueOf(event.Text{Plain: noText}))
	case field.Kind() == reflect.String:
		field.SetString(noText)
	case field.Kind() == reflect.Int64:
		field.SetInt(-1)
	case field.Type() == reflect.TypeFor[*int64]():
		wrong := int64(-1)
		field.Set(reflect.ValueOf(&wrong))
	}
}
