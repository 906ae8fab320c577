package jobs

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"passbook/shared/derived"
	"passbook/shared/segment"
	"passbook/shared/table"
)

// cloudFormation is deploy/template.yaml as far as the tests look at it. References are texts as in
// !Sub: !Ref A is "${A}" and !GetAtt A.Arn is "${A.Arn}".
type cloudFormation struct {
	Parameters map[string]struct {
		Type           string `yaml:"Type"`
		Default        string `yaml:"Default"`
		AllowedPattern string `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type                string    `yaml:"Type"`
		DependsOn           list      `yaml:"DependsOn"`
		DeletionPolicy      string    `yaml:"DeletionPolicy"`
		UpdateReplacePolicy string    `yaml:"UpdateReplacePolicy"`
		Properties          yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

func loadTemplate(t *testing.T) cloudFormation {
	t.Helper()
	return loadTemplateOf(t, "template.yaml")
}

// loadTemplateOf reads one of the templates.
func loadTemplateOf(t *testing.T, file string) cloudFormation {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	plain(&root)
	var c cloudFormation
	if err := root.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// plain turns the short forms of functions into what YAML knows.
func plain(n *yaml.Node) {
	switch n.Tag {
	case "!Ref", "!GetAtt":
		n.Value = "${" + n.Value + "}"
		n.Tag = "!!str"
	case "!Sub":
		n.Tag = "!!str"
	default:
		if n.Kind == yaml.SequenceNode {
			n.Tag = "!!seq" // a condition function
		}
	}
	for _, child := range n.Content {
		plain(child)
	}
}

// each decodes the properties of every resource of a type, by the logical name.
func each[P any](t *testing.T, c cloudFormation, kind string) map[string]P {
	t.Helper()
	found := map[string]P{}
	for name, r := range c.Resources {
		if r.Type != kind {
			continue
		}
		var p P
		if err := r.Properties.Decode(&p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[name] = p
	}
	if len(found) == 0 {
		t.Fatalf("the template has no %s", kind)
	}
	return found
}

type keySchema []struct {
	AttributeName string `yaml:"AttributeName"`
	KeyType       string `yaml:"KeyType"`
}

type tableProperties struct {
	TableName                 string `yaml:"TableName"`
	TableClass                string `yaml:"TableClass"`
	BillingMode               string `yaml:"BillingMode"`
	DeletionProtectionEnabled bool   `yaml:"DeletionProtectionEnabled"`
	Recovery                  struct {
		Enabled bool `yaml:"PointInTimeRecoveryEnabled"`
	} `yaml:"PointInTimeRecoverySpecification"`
	Encryption struct {
		Key string `yaml:"KMSMasterKeyId"`
	} `yaml:"SSESpecification"`
	Expiry struct {
		Attribute string `yaml:"AttributeName"`
		Enabled   bool   `yaml:"Enabled"`
	} `yaml:"TimeToLiveSpecification"`
	AttributeDefinitions []struct {
		AttributeName string `yaml:"AttributeName"`
		AttributeType string `yaml:"AttributeType"`
	} `yaml:"AttributeDefinitions"`
	KeySchema keySchema `yaml:"KeySchema"`
	Indexes   []struct {
		IndexName  string    `yaml:"IndexName"`
		KeySchema  keySchema `yaml:"KeySchema"`
		Projection struct {
			ProjectionType string `yaml:"ProjectionType"`
		} `yaml:"Projection"`
	} `yaml:"GlobalSecondaryIndexes"`
	ResourcePolicy struct {
		PolicyDocument policyDocument `yaml:"PolicyDocument"`
	} `yaml:"ResourcePolicy"`
}

// layout returns everything that programs rely on: keys with their types, indexes with their
// projections.
func (p tableProperties) layout() []string {
	types := map[string]string{}
	for _, a := range p.AttributeDefinitions {
		types[a.AttributeName] = a.AttributeType
	}
	used := map[string]bool{}
	key := func(of keySchema) string {
		var parts []string
		for _, k := range of {
			parts = append(parts, k.AttributeName+" "+types[k.AttributeName]+" "+k.KeyType)
			used[k.AttributeName] = true
		}
		return strings.Join(parts, ", ")
	}
	lines := []string{"table " + p.TableName + ": " + key(p.KeySchema)}
	for _, x := range p.Indexes {
		lines = append(lines, "index "+x.IndexName+": "+key(x.KeySchema)+"; "+x.Projection.ProjectionType)
	}
	return append(lines, fmt.Sprintf("%d attributes", len(types)-len(used))) // DynamoDB refuses attributes that no key has
}

// layoutOf returns what a schema asks for, in the same words.
func layoutOf(s table.Schema) []string {
	lines := []string{"table ${Prefix}" + s.Name + ": pk S HASH, sk S RANGE"}
	for _, x := range s.Indexes {
		kind := "S"
		if x.Numeric {
			kind = "N"
		}
		lines = append(lines, fmt.Sprintf("index %s: %s S HASH, %s %s RANGE; KEYS_ONLY", x.Name, x.PK, x.SK, kind))
	}
	return append(lines, "0 attributes")
}

func TestTemplateHasTheTablesOfTheSchemas(t *testing.T) {
	c := loadTemplate(t)
	there := map[string]tableProperties{}
	for name, p := range each[tableProperties](t, c, "AWS::DynamoDB::Table") {
		there[p.TableName] = p
		if !p.DeletionProtectionEnabled || !p.Recovery.Enabled || p.BillingMode != "PAY_PER_REQUEST" || p.Encryption.Key != "${Key.Arn}" {
			t.Errorf("%s is not protected, recoverable, on demand and encrypted by the key: %+v", name, p)
		}
	}
	for name, p := range there {
		derives := name == "${Prefix}"+derived.Table
		if want := map[bool]string{true: derived.ExpiryAttr}[derives]; p.Expiry.Attribute != want || p.Expiry.Enabled != derives {
			t.Errorf("%s: rows expire by %+v, not by %q", name, p.Expiry, want)
		}
	}
	for _, s := range Resources().Tables {
		if s.Optional { // it has a separate stack
			continue
		}
		got, want := there["${Prefix}"+s.Name].layout(), layoutOf(s)
		slices.Sort(got)
		slices.Sort(want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("table %s:\n got %s\nwant %s", s.Name, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		delete(there, "${Prefix}"+s.Name)
	}
	if len(there) > 0 {
		t.Errorf("tables that no program knows: %v", slices.Collect(maps.Keys(there)))
	}
}

func TestTemplateHasTheStreamsOfTheBank(t *testing.T) {
	c := loadTemplate(t)
	var got []string
	for name, p := range each[struct {
		Name             string `yaml:"Name"`
		StreamEncryption struct {
			KeyID string `yaml:"KeyId"`
		} `yaml:"StreamEncryption"`
	}](t, c, "AWS::Kinesis::Stream") {
		got = append(got, p.Name)
		if p.StreamEncryption.KeyID != "${Key.Arn}" {
			t.Errorf("%s is not encrypted by the key", name)
		}
	}
	var want []string
	for _, name := range Resources().Streams {
		want = append(want, "${Prefix}"+name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("streams %v, want %v", got, want)
	}
}

// kept are the types of what outlives its stack, with what a failed first deployment leaves behind:
// nothing that is empty, but the tables, which are protected, and the key that they need. What
// holds no money goes with the stack.
var kept = map[string]string{
	"AWS::KMS::Key":         "Retain",
	"AWS::DynamoDB::Table":  "Retain",
	"AWS::Kinesis::Stream":  "RetainExceptOnCreate",
	"AWS::S3::Bucket":       "RetainExceptOnCreate",
	"AWS::S3::BucketPolicy": "RetainExceptOnCreate",
}

// TestTemplateKeepsWhatHoldsMoney also holds deploy/stack-policy.json, by which no update of a live
// stack replaces what is kept.
func TestTemplateKeepsWhatHoldsMoney(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/stack-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy policyDocument
	if err := yaml.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	var guarded list
	for _, s := range policy.Statement {
		if s.Effect == "Deny" && slices.Equal(s.Action, list{"Update:Replace", "Update:Delete"}) {
			guarded = append(guarded, s.Resource...)
		}
	}
	var want list
	for name, r := range loadTemplate(t).Resources {
		onReplace := ""
		if kept[r.Type] != "" {
			want = append(want, "LogicalResourceId/"+name)
			onReplace = "Retain"
		}
		if r.DeletionPolicy != kept[r.Type] || r.UpdateReplacePolicy != onReplace {
			t.Errorf("%s: deletion policy %q, want %q; replacement policy %q, want %q", name, r.DeletionPolicy, kept[r.Type], r.UpdateReplacePolicy, onReplace)
		}
	}
	slices.Sort(guarded)
	slices.Sort(want)
	if !slices.Equal(guarded, want) {
		t.Errorf("the stack policy guards %v, want %v", guarded, want)
	}
}

// reference returns how a resource is named in a text.
var reference = regexp.MustCompile(`\$\{([A-Za-z]+)(\.[A-Za-z]+)?\}`)

// needed finds all resources that are created before one.
func (c cloudFormation) needed(name string, found map[string]bool) {
	direct := slices.Clone(c.Resources[name].DependsOn)
	texts := []yaml.Node{c.Resources[name].Properties}
	for len(texts) > 0 {
		n := texts[0]
		texts = texts[1:]
		for _, child := range n.Content {
			texts = append(texts, *child)
		}
		for _, names := range reference.FindAllStringSubmatch(n.Value, -1) {
			direct = append(direct, names[1])
		}
	}
	for _, d := range direct {
		if _, ok := c.Resources[d]; ok && !found[d] {
			found[d] = true
			c.needed(d, found)
		}
	}
}

// TestTemplateMakesTheTablesLast: they are protected from deletion, so a failure after them would
// leave them in the way of the next try.
func TestTemplateMakesTheTablesLast(t *testing.T) {
	c := loadTemplate(t)
	for table, r := range c.Resources {
		if r.Type != "AWS::DynamoDB::Table" {
			continue
		}
		before := map[string]bool{}
		c.needed(table, before)
		if before[table] {
			t.Errorf("%s needs itself", table)
		}
		for name, other := range c.Resources {
			if other.Type != "AWS::DynamoDB::Table" && !before[name] {
				t.Errorf("%s may fail after %s is made", name, table)
			}
		}
	}
}

// TestTemplateMovesAndLocksWhatIsAsked checks the parameters for old days: nothing is moved or
// locked unless one asks, and only segments move.
func TestTemplateMovesAndLocksWhatIsAsked(t *testing.T) {
	c := loadTemplate(t)
	for name, off := range map[string]string{"JournalTableClass": "STANDARD", "ColdAfterDays": "0", "LockDays": "0"} {
		if got := c.Parameters[name].Default; got != off {
			t.Errorf("%s is %q by itself, want %q", name, got, off)
		}
	}
	type bucket struct {
		Lifecycle struct {
			Rules []yaml.Node `yaml:"Rules"`
		} `yaml:"LifecycleConfiguration"`
		Lock yaml.Node `yaml:"ObjectLockConfiguration"`
	}
	// chosen decodes what a function If chooses where its condition is true, and nothing elsewhere.
	chosen := func(n yaml.Node, condition string, to any) {
		t.Helper()
		if len(n.Content) != 3 || n.Content[0].Value != condition || n.Content[2].Value != "${AWS::NoValue}" {
			t.Fatalf("it depends on something else than %s alone", condition)
		}
		if err := n.Content[1].Decode(to); err != nil {
			t.Fatal(err)
		}
	}
	archive := each[bucket](t, c, "AWS::S3::Bucket")["Archive"]
	var rule struct {
		Status      string              `yaml:"Status"`
		Prefix      string              `yaml:"Prefix"`
		Transitions []map[string]string `yaml:"Transitions"`
	}
	chosen(archive.Lifecycle.Rules[len(archive.Lifecycle.Rules)-1], "MovesSegments", &rule)
	moved := []map[string]string{{"StorageClass": "GLACIER_IR", "TransitionInDays": "${ColdAfterDays}"}}
	if rule.Status != "Enabled" || rule.Prefix == "" || !strings.HasPrefix(segment.AnyRoot, rule.Prefix) || !reflect.DeepEqual(rule.Transitions, moved) {
		t.Errorf("segments are in %s, and what moves is %+v", segment.AnyRoot, rule)
	}
	var lock struct {
		Enabled string `yaml:"ObjectLockEnabled"`
		Rule    struct {
			Retention map[string]string `yaml:"DefaultRetention"`
		} `yaml:"Rule"`
	}
	chosen(archive.Lock, "LocksObjects", &lock)
	if lock.Enabled != "Enabled" || !reflect.DeepEqual(lock.Rule.Retention, map[string]string{"Mode": "${LockMode}", "Days": "${LockDays}"}) {
		t.Errorf("locks %+v", lock)
	}
	for name, p := range each[tableProperties](t, c, "AWS::DynamoDB::Table") {
		want := ""
		if name == "JournalTable" {
			want = "${JournalTableClass}"
		}
		if p.TableClass != want {
			t.Errorf("%s has the class %q, want %q", name, p.TableClass, want)
		}
	}
}

// TestTemplateIsTakenWithoutABucket checks the size: above 51,200 bytes `aws cloudformation deploy`
// needs a bucket for the template.
func TestTemplateIsTakenWithoutABucket(t *testing.T) {
	const most = 51_200
	info, err := os.Stat("../../../deploy/template.yaml")
	if err != nil || info.Size() > most {
		t.Errorf("%d bytes, %v; want at most %d", info.Size(), err, most)
	}
}

// list is one text or several.
type list []string

func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}
