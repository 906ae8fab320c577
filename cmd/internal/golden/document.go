package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Document is docs/formats.md: what it says of each kind of row and object, by the heading of its
// section.
type Document map[string]*Section

// Section describes one kind of row or object.
type Section struct {
	// Attributes are the attributes of a row by name.
	Attributes map[string]Attribute
	// Blocks are the fenced blocks, in their order.
	Blocks []Block
}

// Attribute describes an attribute of a row.
type Attribute struct {
	// Types are the types that its value may have: S, N, B, BOOL, L or M, as in DynamoDB.
	Types []string
	// Optional reports that a row may lack it.
	Optional bool
}

// Block is a fenced block with its language.
type Block struct{ Language, Text string }

// attribute matches a line of a table of attributes.
var attribute = regexp.MustCompile("^\\| `([a-z_]+)` \\| ([A-Z]+(?: or [A-Z]+)*)(, optional)? \\|")

// Read parses a document.
func Read(path string) (Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d, section := Document{}, &Section{}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			section = &Section{Attributes: map[string]Attribute{}}
			d[heading] = section
		}
		if language, ok := strings.CutPrefix(line, "```"); ok {
			end := slices.Index(lines[i+1:], "```")
			if end < 0 {
				return nil, fmt.Errorf("%s:%d: the block has no end", path, i+1)
			}
			section.Blocks = append(section.Blocks, Block{language, strings.Join(lines[i+1:i+1+end], "\n")})
			i += 1 + end
			continue
		}
		if m := attribute.FindStringSubmatch(line); m != nil && section.Attributes != nil {
			section.Attributes[m[1]] = Attribute{Types: strings.Split(m[2], " or "), Optional: m[3] != ""}
		}
	}
	return d, nil
}

// Example returns the section's JSON block, decoded, or nil where it has none.
func (s *Section) Example() (map[string]any, error) {
	i := slices.IndexFunc(s.Blocks, func(b Block) bool { return b.Language == "json" })
	if i < 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(s.Blocks[i].Text))
	decoder.UseNumber()
	var example map[string]any
	return example, decoder.Decode(&example)
}

// Check compares a row with the section: every attribute must be described, with its type, and none
// that is not optional may be absent.
func (s *Section) Check(row Rendered) error {
	for name, kind := range row.Types {
		a, described := s.Attributes[name]
		if !described {
			return fmt.Errorf("%s: attribute %s is not described", row.Key(), name)
		}
		if !slices.Contains(a.Types, kind) {
			return fmt.Errorf("%s: attribute %s is of type %s, not %s", row.Key(), name, kind, strings.Join(a.Types, " or "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if row.Types[name] == "" && !s.Attributes[name].Optional {
			return fmt.Errorf("%s: attribute %s is missing", row.Key(), name)
		}
	}
	return nil
}
