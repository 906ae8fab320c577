package profile

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Setting is something that a profile says about a bank.
type Setting struct {
	// Name is that of the flag, without dashes, and in the file.
	Name string
	// Variable is the environment variable.
	Variable string
	// Default is the value where nothing says another.
	Default string
	// Secret values are never shown.
	Secret bool
	// Check refuses what cannot be a value.
	Check func(value string) error
}

// Settings are all settings of a profile.
var Settings = []Setting{
	{Name: "server", Variable: "PASSBOOK_SERVER", Default: "http://127.0.0.1:8080", Check: checkServer},
	{Name: "key", Variable: "PASSBOOK_KEY", Secret: true, Check: checkKey},
	{Name: "timeout", Variable: "PASSBOOK_TIMEOUT", Default: "30s", Check: checkTimeout},
}

// ProfileVariable names the profile to use.
const ProfileVariable = "PASSBOOK_PROFILE"

// Find returns a setting by its name.
func Find(name string) (Setting, error) {
	names := make([]string, 0, len(Settings))
	for _, s := range Settings {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Setting{}, fmt.Errorf("%q is no setting of a profile: use %s", name, strings.Join(names, ", "))
}

// checkServer refuses what is no address of a bank.
func checkServer(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("not an address as http://127.0.0.1:8080 or https://bank.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("an address has no user, no password and no query: a bank is given a key in place of them")
	}
	return nil
}

// checkKey refuses what is neither a key nor @ and a file.
func checkKey(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' && !strings.HasPrefix(value, "@") }) {
		return errors.New("a key has no spaces and no line breaks")
	}
	return nil
}

// checkTimeout refuses what is no length of time.
func checkTimeout(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d <= 0 {
		return errors.New("not a length of time as 10s or 2m")
	}
	return nil
}

// Value is a setting with its value, and where it is from.
type Value struct {
	Setting
	Text   string
	Source string
}

// Shown returns the value for people: of a secret, only that there is one.
func (v Value) Shown() string {
	switch {
	case !v.Secret || v.Text == "":
		return v.Text
	case strings.HasPrefix(v.Text, "@"):
		return v.Text // the name of a file
	}
	return "(set)"
}

// Resolve returns the settings: flags, by name, over variables over the profile over the defaults.
func Resolve(flags map[string]string, getenv func(string) string, f *File, name string) []Value {
	values := make([]Value, 0, len(Settings))
	for _, s := range Settings {
		v := Value{Setting: s, Text: s.Default, Source: "default"}
		switch of := f.Profiles[name]; {
		case flags[s.Name] != "":
			v.Text, v.Source = flags[s.Name], "--"+s.Name
		case getenv(s.Variable) != "":
			v.Text, v.Source = getenv(s.Variable), s.Variable
		case of[s.Name] != "":
			v.Text, v.Source = of[s.Name], "profile "+name
		case s.Default == "":
			v.Source = "not set"
		}
		values = append(values, v)
	}
	return values
}
