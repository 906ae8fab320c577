package programtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Person is somebody at a browser without scripts, which keeps cookies.
type Person struct {
	t    testing.TB
	base string
	http http.Client
}

// NewPerson returns a person at the pages of a server, http://host:port.
func NewPerson(t testing.TB, base string) *Person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Person{t, base, http.Client{Jar: jar, Timeout: Patience}}
}

// Get returns a page, or an answer of the API.
func (p *Person) Get(path string) string {
	p.t.Helper()
	return p.send(http.MethodGet, path, nil)
}

var (
	inputs = regexp.MustCompile(`<input[^>]*name="([^"]+)"[^>]*>`)
	values = regexp.MustCompile(`value="([^"]*)"`)
)

// Post sends the inputs of a page to a path, with further fields in the place of those of their
// names, and returns the page that follows.
func (p *Person) Post(page, path string, fields map[string]string) string {
	p.t.Helper()
	form := url.Values{}
	for _, input := range inputs.FindAllStringSubmatch(page, -1) {
		if value := values.FindStringSubmatch(input[0]); value != nil {
			form.Set(input[1], value[1])
		}
	}
	for name, value := range fields {
		form.Set(name, value)
	}
	return p.send(http.MethodPost, path, form)
}

// SignIn signs in with an API key.
func (p *Person) SignIn(key string) string {
	p.t.Helper()
	return p.Post(p.Get("/ui/login"), "/ui/login", map[string]string{"key": key})
}

// Change fills in the form of a change, looks at what it would do, sends it, and returns the page
// that follows.
func (p *Person) Change(path string, fields map[string]string) string {
	p.t.Helper()
	filled := map[string]string{"step": "check"}
	for name, value := range fields {
		filled[name] = value
	}
	checked := p.Post(p.Get(path), path, filled)
	if !strings.Contains(checked, `value="send"`) {
		return checked
	}
	return p.Post(checked, path, map[string]string{"step": "send"})
}

// Await asks for a path until its text has all of something, and returns it.
func (p *Person) Await(path string, has ...string) (text string) {
	p.t.Helper()
	Every(p.t, 100*time.Millisecond, path, func() error {
		text = p.Get(path)
		for _, want := range has {
			if !strings.Contains(text, want) {
				return fmt.Errorf("%s is not in %.3000s", want, text)
			}
		}
		return nil
	})
	return text
}

// send sends a request, with a form unless it is nil, and returns the answer's body.
func (p *Person) send(method, path string, form url.Values) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", p.base)
	}
	response, err := p.http.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}
