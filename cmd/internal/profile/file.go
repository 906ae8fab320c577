package profile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// Default is the profile that is used where none is named or chosen.
const Default = "default"

// File is the file of profiles.
type File struct {
	// Current is the profile that is used where none is named.
	Current  string                       `toml:"current,omitempty"`
	Profiles map[string]map[string]string `toml:"profiles"`

	path string
}

// Path returns where the file of profiles is: in the user's configuration directory, as
// XDG_CONFIG_HOME or HOME name it.
func Path(getenv func(string) string) (string, error) {
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" && getenv("HOME") != "" {
		dir = filepath.Join(getenv("HOME"), ".config")
	}
	if !filepath.IsAbs(dir) {
		return "", errors.New("there is no directory for the profiles: set HOME, or XDG_CONFIG_HOME to an absolute path")
	}
	return filepath.Join(dir, "passbook", "config.toml"), nil
}

// Load reads the file at path. One that does not exist has no profiles.
func Load(path string) (*File, error) {
	f := &File{path: path, Profiles: map[string]map[string]string{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if others := info.Mode().Perm() & 0o077; others != 0 {
		return nil, fmt.Errorf("profiles: %s may be read or written by others and may have keys: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user's own file
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if err := toml.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("profiles: %s: %w: correct it, or remove the file", path, err)
	}
	for name, settings := range f.Profiles {
		for setting, value := range settings {
			if err := check(name, setting, value); err != nil {
				return nil, fmt.Errorf("profiles: %s: %w", path, err)
			}
		}
	}
	return f, nil
}

// Name returns the profile that is in use: the one that is asked for, the chosen one, or Default.
func (f *File) Name(asked string) string { return cmp.Or(asked, f.Current, Default) }

// Names returns the profiles that there are.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.Profiles))
	for name := range f.Profiles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// profileName is what a profile may be called.
var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// check refuses a name or a value that no profile can have.
func check(name, setting, value string) error {
	if !profileName.MatchString(name) {
		return fmt.Errorf("%q is no name of a profile: use up to 64 of A-Z a-z 0-9 . _ -", name)
	}
	s, err := Find(setting)
	if err != nil {
		return err
	}
	if err := s.Check(value); err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	return nil
}

// Set gives a setting of a profile a value; an empty one removes it.
func (f *File) Set(name, setting, value string) error {
	if value == "" {
		if _, err := Find(setting); err != nil {
			return err
		}
		delete(f.Profiles[name], setting)
		if len(f.Profiles[name]) == 0 {
			delete(f.Profiles, name)
		}
		return nil
	}
	if err := check(name, setting, value); err != nil {
		return err
	}
	if f.Profiles[name] == nil {
		f.Profiles[name] = map[string]string{}
	}
	f.Profiles[name][setting] = value
	return nil
}

// Use makes a profile the one that is used where none is named.
func (f *File) Use(name string) error {
	if name != Default && f.Profiles[name] == nil {
		return fmt.Errorf("there is no profile %s; there are: %v", name, f.Names())
	}
	f.Current = name
	return nil
}

// Save writes the file as a whole: a reader sees the one before or this one. One that is a symbolic
// link stays one.
func (f *File) Save() (err error) {
	text, err := toml.Marshal(f)
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	path := f.path
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	made, err := os.CreateTemp(dir, ".config-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	_, err = made.Write(text)
	err = errors.Join(err, made.Sync(), made.Close())
	if err == nil {
		err = os.Rename(made.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("profiles: write %s: %w", f.path, errors.Join(err, os.Remove(made.Name())))
	}
	return nil
}
