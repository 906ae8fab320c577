package table

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep lists and maps may be nested: DynamoDB takes 32 levels.
const maxDepth = 32

// Catalog is the schemas of a deployment. It checks calls against the limits of the port, so that
// every adapter refuses the same calls with ErrInvalid. It does not change after NewCatalog.
type Catalog struct{ tables map[string]*Schema }

// NewCatalog returns the catalog of these schemas, or ErrInvalid for a bad schema. Names have 3 to
// 255 letters, digits, '_', '-' and '.', as on DynamoDB.
func NewCatalog(schemas ...Schema) (*Catalog, error) {
	c := &Catalog{tables: make(map[string]*Schema, len(schemas))}
	for _, s := range schemas {
		if _, twice := c.tables[s.Name]; twice {
			return nil, invalid("table %q has two schemas", s.Name)
		}
		if err := checkSchema(s); err != nil {
			return nil, err
		}
		c.tables[s.Name] = &s
	}
	return c, nil
}

func checkSchema(s Schema) error {
	if !validName(s.Name) {
		return invalid("table name %q", s.Name)
	}
	for _, rising := range s.Rising {
		if strings.IndexByte(rising, '#') != len(rising)-1 {
			return invalid("rising sort keys %q of table %s do not end with their first '#'", rising, s.Name)
		}
	}
	seen := map[string]bool{}
	for _, x := range s.Indexes {
		switch {
		case !validName(x.Name) || seen[x.Name]:
			return invalid("index name %q of table %s", x.Name, s.Name)
		case x.PK == "" || x.PK == "pk" || x.PK == "sk" || x.SK == "" || x.SK == "sk" || x.SK == x.PK:
			return invalid("attributes of index %s of table %s", x.Name, s.Name)
		case x.SK == "pk" && x.Numeric:
			return invalid("index %s of table %s: pk is not a number", x.Name, s.Name)
		}
		seen[x.Name] = true
	}
	return nil
}

func validName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
	other := func(r rune) bool { return !strings.ContainsRune(allowed, r) }
	return len(name) >= 3 && len(name) <= 255 && !strings.ContainsFunc(name, other)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Table returns a table's schema, which the caller MUST NOT change.
func (c *Catalog) Table(name string) (*Schema, error) {
	s, ok := c.tables[name]
	if !ok {
		return nil, invalid("no table %q", name)
	}
	return s, nil
}

// Index returns an index's description.
func (c *Catalog) Index(table, name string) (Index, error) {
	s, err := c.Table(table)
	if err != nil {
		return Index{}, err
	}
	for _, x := range s.Indexes {
		if x.Name == name {
			return x, nil
		}
	}
	return Index{}, invalid("no index %q of table %s", name, table)
}

// CheckKey checks a table's name and a row's key.
func (c *Catalog) CheckKey(table string, k Key) error {
	if _, err := c.Table(table); err != nil {
		return err
	}
	if err := checkKeyPart("partition key", k.PK, MaxPartitionKeyBytes); err != nil {
		return err
	}
	return checkKeyPart("sort key", k.SK, MaxSortKeyBytes)
}

func checkKeyPart(what, part string, most int) error {
	switch {
	case part == "":
		return invalid("empty %s", what)
	case len(part) > most:
		return invalid("%s of %d bytes, at most %d", what, len(part), most)
	case !utf8.ValidString(part):
		return invalid("%s is not UTF-8", what)
	}
	return nil
}

// CheckPut checks a put: its key, condition, size and attributes, and the keys of indexes.
func (c *Catalog) CheckPut(p Put) error {
	_, err := c.MeasurePut(&p)
	return err
}

// MeasurePut checks a put as CheckPut does, and returns the Size of its row.
func (c *Catalog) MeasurePut(p *Put) (size int, err error) {
	if err := c.CheckKey(p.Table, p.Row.Key); err != nil {
		return 0, err
	}
	if err := checkCondition(p.If); err != nil {
		return 0, err
	}
	size = sizeOfKey(p.Row.Key)
	for name, v := range p.Row.Attrs {
		if name == "pk" || name == "sk" {
			return 0, invalid("attribute %q is a part of the key", name)
		}
		if err := checkValue(name, v, 0); err != nil {
			return 0, err
		}
		size += len(name) + sizeOf(v)
	}
	if size > MaxItemBytes {
		return 0, invalid("row of %d bytes, at most %d", size, MaxItemBytes)
	}
	return size, checkIndexed(c.tables[p.Table], &p.Row)
}

// CheckTransact checks each put of a transaction, and all of them together.
func (c *Catalog) CheckTransact(puts []Put) error {
	if len(puts) == 0 || len(puts) > MaxTransact {
		return invalid("transaction of %d puts, 1 to %d", len(puts), MaxTransact)
	}
	seen := make(map[rowName]bool, len(puts))
	total := 0
	for i := range puts {
		p := &puts[i]
		size, err := c.MeasurePut(p)
		if err != nil {
			return fmt.Errorf("put %d: %w", i, err)
		}
		if at := (rowName{p.Table, p.Row.Key}); seen[at] {
			return invalid("put %d: an earlier put of the transaction has that row", i)
		} else {
			seen[at] = true
		}
		total += size
	}
	if total > MaxTransactBytes {
		return invalid("transaction of %d bytes, at most %d", total, MaxTransactBytes)
	}
	return nil
}

// CheckDelete checks a deletion. Its condition cannot be Absent or Once.
func (c *Catalog) CheckDelete(table string, k Key, cond Condition) error {
	if err := c.CheckKey(table, k); err != nil {
		return err
	}
	if cond.absent || cond.once {
		return invalid("delete without a condition on the row")
	}
	return checkCondition(cond)
}

func checkCondition(c Condition) error {
	if c.absent || c.once {
		return nil
	}
	if c.attr == "" {
		return invalid("a write without a condition")
	}
	switch c.value.(type) {
	case S, N, B, Bool:
		return checkValue(c.attr, c.value, 0)
	}
	return invalid("condition on %q is not on an S, N, B or Bool", c.attr)
}

func checkValue(name string, v Value, depth int) error {
	if depth > maxDepth {
		return invalid("attribute %q is nested deeper than %d", name, maxDepth)
	}
	if name == "" || !utf8.ValidString(name) {
		return invalid("attribute name %q", name)
	}
	switch v := v.(type) {
	case S:
		if !utf8.ValidString(string(v)) {
			return invalid("attribute %q is not UTF-8", name)
		}
	case N, B, Bool:
	case List:
		for _, e := range v {
			if err := checkValue(name, e, depth+1); err != nil {
				return err
			}
		}
	case Map:
		for k, e := range v {
			if err := checkValue(k, e, depth+1); err != nil {
				return err
			}
		}
	default:
		return invalid("attribute %q has no value", name)
	}
	return nil
}

// checkIndexed checks the attributes that are keys of indexes, as DynamoDB does on every row that
// has them.
func checkIndexed(s *Schema, r *Row) error {
	for i := range s.Indexes {
		x := &s.Indexes[i]
		if v, ok := r.Attrs[x.PK]; ok {
			if err := checkIndexKey(x.PK, v, false, MaxPartitionKeyBytes); err != nil {
				return err
			}
			if x.SK == "pk" && len(r.PK) > MaxSortKeyBytes {
				return invalid("partition key of %d bytes, which sorts index %s, at most %d", len(r.PK), x.Name, MaxSortKeyBytes)
			}
		}
		if v, ok := r.Attrs[x.SK]; ok && x.SK != "pk" {
			if err := checkIndexKey(x.SK, v, x.Numeric, MaxSortKeyBytes); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkIndexKey(name string, v Value, numeric bool, most int) error {
	switch v := v.(type) {
	case N:
		if numeric {
			return nil
		}
	case S:
		if numeric {
			break
		}
		if err := checkKeyPart("index key", string(v), most); err != nil {
			return fmt.Errorf("attribute %q: %w", name, err)
		}
		return nil
	}
	return invalid("attribute %q does not have the type that its index needs", name)
}

// CheckQuery checks a query, except its After, which only its adapter can read.
func (c *Catalog) CheckQuery(q Query) error {
	if err := c.CheckKey(q.Table, Key{PK: q.PK, SK: "-"}); err != nil {
		return err
	}
	var x Index
	if q.Index != "" {
		var err error
		if x, err = c.Index(q.Table, q.Index); err != nil {
			return err
		}
	}
	if q.Limit < 0 {
		return invalid("limit %d", q.Limit)
	}
	for _, bound := range []Value{q.From, q.To} {
		if bound == nil {
			continue
		}
		if err := checkIndexKey("sort key", bound, x.Numeric, MaxSortKeyBytes); err != nil {
			return err
		}
	}
	return nil
}

// CheckScan checks a scan's table and segment.
func (c *Catalog) CheckScan(s Scan) error {
	if _, err := c.Table(s.Table); err != nil {
		return err
	}
	if s.Of < 1 || s.Of > MaxSegments || s.Segment < 0 || s.Segment >= s.Of {
		return invalid("segment %d of %d, 1 to %d", s.Segment, s.Of, MaxSegments)
	}
	return nil
}

// Size returns the bytes of a row that count for MaxItemBytes, MaxPageBytes and MaxTransactBytes,
// by the rules of DynamoDB: names and strings in UTF-8, binaries as they are, two digits of a
// number a byte and 1 or 2 more, 1 for a boolean, 3 for a list or map and 1 more for each element.
func Size(r Row) int {
	n := sizeOfKey(r.Key)
	for name, v := range r.Attrs {
		n += len(name) + sizeOf(v)
	}
	return n
}

func sizeOfKey(k Key) int { return len("pk") + len(k.PK) + len("sk") + len(k.SK) }

func sizeOf(v Value) int {
	switch v := v.(type) {
	case S:
		return len(v)
	case N:
		return sizeOfNumber(v)
	case B:
		return len(v)
	case List:
		n := 3 + len(v)
		for _, e := range v {
			n += sizeOf(e)
		}
		return n
	case Map:
		n := 3 + len(v)
		for name, e := range v {
			n += len(name) + sizeOf(e)
		}
		return n
	}
	return 1
}

func sizeOfNumber(v N) int {
	n := 1
	if v < 0 {
		n++
	}
	for ; v != 0; v /= 100 {
		n++
	}
	return n
}
