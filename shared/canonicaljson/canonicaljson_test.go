package canonicaljson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// thing has a field of every kind.
type thing struct {
	ID       int64
	Size     int
	Version  int64
	On       bool
	Name     string
	Note     string
	Colour   string
	Taste    string
	Digest   [4]byte
	At       time.Time
	Until    time.Time
	Day      time.Time
	Position struct{ X, Y int64 }
	Raw      string
	Parts    []part
}

type part struct{ Name string }

var (
	colours = []string{"red", "green"}
	at      = time.Date(2024, 2, 29, 23, 59, 58, 7000, time.UTC)
)

func (p *part) fields(c *Codec) {
	c.Begin()
	c.OptString("name", &p.Name, 20)
	c.End()
}

func (v *thing) fields(c *Codec) {
	c.Begin()
	c.Int("id", &v.ID, -5, 1<<53)
	c.SmallInt("size", &v.Size, 0, 9)
	c.OptInt("version", &v.Version, 99)
	c.Bool("on", &v.On)
	c.String("name", &v.Name, 20)
	c.OptString("note", &v.Note, 20)
	c.Enum("colour", &v.Colour, colours)
	c.OptEnum("taste", &v.Taste, colours)
	c.Bytes("digest", v.Digest[:])
	c.Time("at", &v.At)
	c.OptTime("until", &v.Until)
	c.Date("day", &v.Day)
	c.Object("position")
	c.Int("x", &v.Position.X, 0, 9)
	c.Int("y", &v.Position.Y, 0, 9)
	c.EndObject()
	c.Raw("raw", &v.Raw)
	if c.Has("parts", len(v.Parts) > 0) {
		c.OpenList("parts")
		for i := 0; c.Element(i, len(v.Parts), 3); i++ {
			if c.Reading() {
				v.Parts = append(v.Parts, part{})
			}
			v.Parts[i].fields(c)
		}
		c.CloseList()
	}
	c.End()
}

func sparse() thing {
	return thing{ID: -5, Name: "n", Colour: "red", At: at, Day: at.Truncate(24 * time.Hour), Raw: "{}"}
}

func full() thing {
	v := sparse()
	v.Size, v.Version, v.On, v.Note, v.Taste, v.Digest, v.Until = 9, 7, true, "a\"\\\x01\u00e9", "green", [4]byte{1, 2, 3, 255}, at
	v.Position.X, v.Raw, v.Parts = 3, `{"a":"}","b":{"c":[{}]}}`, []part{{"p"}, {}, {"q"}}
	return v
}

func write(v thing) (string, error) {
	c := NewWriter([]byte("kept"))
	v.fields(&c)
	return strings.TrimPrefix(string(c.Written()), "kept"), c.Finish()
}

func read(s string) (thing, error) {
	var v thing
	c := NewReader(s)
	v.fields(&c)
	return v, c.Finish()
}

const fullJSON = `{"id":-5,"size":9,"version":7,"on":true,"name":"n","note":"a\"\\\u0001é","colour":"red","taste":"green",` +
	`"digest":"AQID_w","at":"2024-02-29T23:59:58.000007Z","until":"2024-02-29T23:59:58.000007Z","day":"2024-02-29",` +
	`"position":{"x":3,"y":0},"raw":{"a":"}","b":{"c":[{}]}},"parts":[{"name":"p"},{},{"name":"q"}]}`

func TestBothWays(t *testing.T) {
	for want, v := range map[string]thing{
		fullJSON: full(),
		`{"id":-5,"size":0,"on":false,"name":"n","colour":"red","digest":"AAAAAA","at":"2024-02-29T23:59:58.000007Z",` +
			`"day":"2024-02-29","position":{"x":0,"y":0},"raw":{}}`: sparse(),
	} {
		if got, err := write(v); got != want || err != nil {
			t.Errorf("written %s, %v\nwant    %s", got, err, want)
		}
		if got, err := read(want); !reflect.DeepEqual(got, v) || err != nil {
			t.Errorf("read %+v, %v\nwant %+v", got, err, v)
		}
	}
}

// Reading sets every field, also those that are left out.
func TestReadingReplacesWhatWasThere(t *testing.T) {
	v, want := full(), sparse()
	s, err := write(want)
	if err != nil {
		t.Fatal(err)
	}
	c := NewReader(s)
	v.Parts = nil
	if v.fields(&c); c.Finish() != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("%+v, %v", v, c.Err())
	}
}

func TestReadNamesTheField(t *testing.T) {
	for _, c := range []struct{ old, new, field string }{
		{`"id":-5`, `"id":-6`, "id"}, {`"id":-5`, `"ID":-5`, "id"}, {`"id":-5`, `"id":`, "id"}, {`"id":-5`, `"id":--5`, "id"},
		{`"size":9`, `"size":10`, "size"}, {`"version":7`, `"version":0`, "version"}, {`"version":7`, `"version":100`, "version"},
		{`"on":true`, `"on":"true"`, "on"}, {`"on":true`, `"on":tru`, "on"}, {`"name":"n"`, `"name":""`, "name"},
		{`"name":"n"`, `"name":"` + strings.Repeat("n", 21) + `"`, "name"}, {`"name":"n"`, `"name":"n`, "colour"},
		{`"name":"n"`, `"name":n`, "name"}, {`,"on"`, `"on"`, "on"}, {`"note":"a\"`, `"note":"a\'`, "note"}, {`\u0001`, `\u0020`, "note"},
		{`\u0001`, `\u00G1`, "note"}, {`\u0001`, `\u000`, "note"}, {`"colour":"red"`, `"colour":"blue"`, "colour"},
		{`"colour":"red"`, `"colour":7`, "colour"}, {`"taste":"green"`, `"taste":""`, "taste"}, {`"AQID_w"`, `"AQID_x"`, "digest"},
		{`"AQID_w"`, `"AQID/w"`, "digest"}, {`"AQID_w"`, `"AQIDw"`, "digest"}, {`"AQID_w"`, `"AQID_w=="`, "digest"},
		{`"AQID_w"`, `"AQI\nD_w"`, "digest"}, {`"at":"2024`, `"at":"1969`, "at"}, {`23:59:58.000007Z","until"`, `23:59:58Z","until"`, "at"},
		{`"until":"2024-02-29`, `"until":"2024-02-30`, "until"}, {`"day":"2024-02-29"`, `"day":"2023-02-29"`, "day"},
		{`"day":"2024-02-29"`, `"day":"2024-00-29"`, "day"}, {`"day":"2024-02-29"`, `"day":"2024-02-00"`, "day"},
		{`"day":"2024-02-29"`, `"day":2024`, "day"}, {`{"x":3`, `{"x":10`, "position.x"}, {`"y":0}`, `"y":0,"z":0}`, "position.z"},
		{`"position":{`, `"position":[`, "position"}, {`"raw":{`, `"raw":7{`, "raw"}, {`"c":[{}]`, `"c":[{}}`, "raw"},
		{`{},{"name":"q"}`, `{},{"name":"q","name":"q"}`, "parts[2].name"}, {`{"name":"p"}`, `{"name":""}`, "parts[0].name"},
		{`{"name":"q"}]`, `{"name":"q"},{}]`, "parts"}, {`{"name":"q"}]`, `{"name":"q"}`, "parts"}, {`[{"name":"p"},{},{"name":"q"}]`, `[]`, "parts[0]"},
		{`"q"}]}`, `"q"}],"x":1}`, "x"}, {`"q"}]}`, `"q"}]`, ""}, {`"q"}]}`, `"q"}]}]`, ""}, {`{"id"`, ` {"id"`, ""},
	} {
		altered := strings.Replace(fullJSON, c.old, c.new, 1)
		_, err := read(altered)
		if e, ok := err.(*Error); altered == fullJSON || !ok || e.Field != c.field {
			t.Errorf("%s for %s: %v, want it to name %q", c.new, c.old, err, c.field)
		}
	}
	for i := range fullJSON {
		if _, err := read(fullJSON[:i]); err == nil {
			t.Errorf("accepted the first %d bytes", i)
		}
	}
}

func TestWriteNamesTheField(t *testing.T) {
	for field, change := range map[string]func(*thing){
		"id":            func(v *thing) { v.ID = -6 },
		"version":       func(v *thing) { v.Version = -1 },
		"name":          func(v *thing) { v.Name = "" },
		"note":          func(v *thing) { v.Note = "\xff" },
		"colour":        func(v *thing) { v.Colour = "blue" },
		"taste":         func(v *thing) { v.Taste = "blue" },
		"at":            func(v *thing) { v.At = at.Add(1) },
		"until":         func(v *thing) { v.Until = at.In(time.FixedZone("CET", 3600)) },
		"day":           func(v *thing) { v.Day = at },
		"position.y":    func(v *thing) { v.Position.Y = 10 },
		"raw":           func(v *thing) { v.Raw = `{"a":}` },
		"parts":         func(v *thing) { v.Parts = make([]part, 4) },
		"parts[1].name": func(v *thing) { v.Parts = []part{{}, {strings.Repeat("x", 21)}} },
	} {
		v := full()
		change(&v)
		_, err := write(v)
		if e, ok := err.(*Error); !ok || e.Field != field {
			t.Errorf("%v, want it to name %s", err, field)
		}
	}
	v := full()
	v.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if s, err := write(v); err == nil {
		t.Errorf("written %s", s)
	}
}

// A string is written as any JSON reader reads it, and read as it was written.
func TestStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("a\"\\/\b\f\n\r\t\x00\x1f\x7f<&\u2028é€")))).Draw(t, "string")
		if !utf8.ValidString(want) {
			return
		}
		written := AppendString(nil, want)
		var got string
		if err := json.Unmarshal(written, &got); err != nil || got != want {
			t.Fatalf("%s: JSON reads %q, %v", written, got, err)
		}
		if got, end, ok := parseString(string(written), 0); got != want || end != len(written) || !ok {
			t.Fatalf("%s: read %q, %v", written, got, ok)
		}
	})
}

func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.UnixMicro(rapid.Int64Range(0, 253402300799999999).Draw(t, "µs")).UTC()
		written := string(AppendTime(nil, want))
		if form := want.Format(timeForm); written != form {
			t.Fatalf("%s, want %s", written, form)
		}
		if got, ok := parseTime(written); !ok || got != want {
			t.Fatalf("%s: read %v, %v", written, got, ok)
		}
		if got, ok := parseDate(written[:10]); !ok || got != want.Truncate(24*time.Hour) {
			t.Fatalf("%s: read %v, %v", written[:10], got, ok)
		}
	})
}

// A time that would not be read back as it is cannot be written.
func TestInexactTimesAreRefused(t *testing.T) {
	day := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		time, date bool
		at         time.Time
	}{
		"a day":                 {true, true, day},
		"the first":             {true, true, time.Unix(0, 0).UTC()},
		"the last":              {true, false, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		"the last day":          {true, true, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
		"a microsecond":         {true, false, day.Add(time.Microsecond)},
		"a nanosecond":          {false, false, day.Add(time.Nanosecond)},
		"before 1970":           {false, false, time.Unix(-86400, 0).UTC()},
		"after 9999":            {false, false, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"zero":                  {false, false, time.Time{}},
		"in another zone":       {false, false, day.In(time.FixedZone("CET", 3600))},
		"in UTC as a location":  {false, false, day.In(time.FixedZone("UTC", 0))},
		"with a monotonic part": {false, false, time.Now().UTC()},
	} {
		w := NewWriter(nil)
		w.Begin()
		w.Time("t", &c.at)
		if ok := w.Err() == nil; ok != c.time {
			t.Errorf("%s as a time: %v", name, w.Err())
		}
		w = NewWriter(nil)
		w.Begin()
		w.Date("d", &c.at)
		if ok := w.Err() == nil; ok != c.date {
			t.Errorf("%s as a date: %v", name, w.Err())
		}
	}
}

// Accepted input is JSON, and is written again as the same bytes.
func FuzzRead(f *testing.F) {
	f.Add([]byte(fullJSON))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := read(string(data))
		if err != nil {
			return
		}
		again, err := write(v)
		if err != nil || !bytes.Equal([]byte(again), data) || !json.Valid(data) {
			t.Fatalf("accepted %s\nwritten  %s, %v", data, again, err)
		}
	})
}
