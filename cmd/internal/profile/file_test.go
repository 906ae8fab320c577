package profile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// none returns what an environment without variables has.
func none(string) string { return "" }

func TestAProfileIsKeptForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "config.toml")
	f, err := Load(path)
	if err != nil || len(f.Names()) != 0 {
		t.Fatalf("no file: %v, %v", f, err)
	}
	if err := f.Set("test", "key", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := f.Set("test", "server", "https://bank.example"); err != nil {
		t.Fatal(err)
	}
	if err := f.Use("test"); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	again, err := Load(path)
	if err != nil || again.Name("") != "test" || again.Profiles["test"]["key"] != "secret" {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: files are left", entries, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that a group reads: %v", err)
	}
}

func TestAFileThatIsALinkStaysOne(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "config.toml"), filepath.Join(dir, "elsewhere.toml")
	if err := os.WriteFile(target, []byte("[profiles]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	f, err := Load(link)
	if err == nil {
		err = errors.Join(f.Set("test", "server", "https://bank.example"), f.Save())
	}
	if err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if again, err := Load(target); err != nil || again.Profiles["test"]["server"] != "https://bank.example" {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestWhatNoProfileCanHaveIsRefused(t *testing.T) {
	f := &File{Profiles: map[string]map[string]string{}}
	for _, tt := range []struct{ name, setting, value, says string }{
		{"a b", "server", "http://x", "no name of a profile"}, {"../a", "server", "http://x", "no name"}, {"a", "sever", "x", "server, key, timeout"},
		{"a", "server", "bank.example", "not an address"}, {"a", "server", "http://user:secret@bank.example", "no password"}, {"a", "timeout", "10", "10s"}, {"a", "timeout", "-1s", "10s"}, {"a", "key", "two words", "no spaces"},
		{"a", "sever", "", "server, key, timeout"},
	} {
		if err := f.Set(tt.name, tt.setting, tt.value); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if err := f.Use("nobody"); err == nil {
		t.Error("a profile that does not exist is used")
	}
	if len(f.Profiles) != 0 {
		t.Errorf("left: %v", f.Profiles)
	}
	path := filepath.Join(t.TempDir(), "config.toml")
	for text, says := range map[string]string{"profiles = 3": "correct it", "[profiles.a]\nserver = \"x\"": "not an address", "[profiles.a]\nsever = \"x\"": "no setting"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnEmptyValueRemovesASetting(t *testing.T) {
	f := &File{Profiles: map[string]map[string]string{"a": {"server": "http://x"}}}
	if err := f.Set("a", "server", ""); err != nil || len(f.Profiles) != 0 {
		t.Errorf("%v, left %v", err, f.Profiles)
	}
}

func TestAFlagWinsOverAVariableOverTheProfileOverTheDefault(t *testing.T) {
	f := &File{Profiles: map[string]map[string]string{"a": {"server": "http://profile", "key": "of-profile"}}}
	env := func(name string) string { return map[string]string{"PASSBOOK_SERVER": "http://variable"}[name] }
	for _, tt := range []struct {
		flags        map[string]string
		getenv       func(string) string
		name         string
		text, source string
	}{
		{map[string]string{"server": "http://flag"}, env, "a", "http://flag", "--server"},
		{nil, env, "a", "http://variable", "PASSBOOK_SERVER"},
		{nil, none, "a", "http://profile", "profile a"},
		{nil, none, "default", "http://127.0.0.1:8080", "default"},
	} {
		if v := Resolve(tt.flags, tt.getenv, f, tt.name)[0]; v.Text != tt.text || v.Source != tt.source {
			t.Errorf("server is %q from %q, want %q from %q", v.Text, v.Source, tt.text, tt.source)
		}
	}
	key := Resolve(nil, none, f, "a")[1]
	if key.Shown() != "(set)" || Resolve(nil, none, f, "default")[1].Source != "not set" {
		t.Errorf("the key is shown as %q", key.Shown())
	}
}

func TestWhereTheFileIs(t *testing.T) {
	for _, tt := range []struct{ xdg, home, want string }{
		{"/x", "/h", "/x/passbook/config.toml"}, {"", "/h", "/h/.config/passbook/config.toml"}, {"", "", ""}, {"relative", "/h", ""},
	} {
		got, err := Path(func(name string) string { return map[string]string{"XDG_CONFIG_HOME": tt.xdg, "HOME": tt.home}[name] })
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}
