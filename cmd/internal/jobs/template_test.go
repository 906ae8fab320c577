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

	"passbook/shared/table"
)

// cloudFormation is deploy/template.yaml as far as the tests look at it. References are texts as in !Sub: !Ref A is "${A}" and
// !GetAtt A.Arn is "${A.Arn}".
type cloudFormation struct {
	Resources map[string]struct {
		Type           string    `yaml:"Type"`
		DeletionPolicy string    `yaml:"DeletionPolicy"`
		Properties     yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

func loadTemplate(t *testing.T) cloudFormation {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/template.yaml")
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
	BillingMode               string `yaml:"BillingMode"`
	DeletionProtectionEnabled bool   `yaml:"DeletionProtectionEnabled"`
	Recovery                  struct {
		Enabled bool `yaml:"PointInTimeRecoveryEnabled"`
	} `yaml:"PointInTimeRecoverySpecification"`
	Encryption struct {
		Key string `yaml:"KMSMasterKeyId"`
	} `yaml:"SSESpecification"`
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

// layout is everything that programs rely on: keys with their types, indexes with their projections.
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

// layoutOf is what a schema asks for, in the same words.
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
		if c.Resources[name].DeletionPolicy != "Retain" || !p.DeletionProtectionEnabled || !p.Recovery.Enabled ||
			p.BillingMode != "PAY_PER_REQUEST" || p.Encryption.Key != "${Key.Arn}" {
			t.Errorf("%s is not kept, protected, recoverable, on demand and encrypted by the key: %+v", name, p)
		}
	}
	for _, s := range Resources().Tables {
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
		if c.Resources[name].DeletionPolicy != "Retain" || p.StreamEncryption.KeyID != "${Key.Arn}" {
			t.Errorf("%s is not kept and encrypted by the key", name)
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

// list is one text or several.
type list []string

func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

type policyDocument struct {
	Statement []statement `yaml:"Statement"`
}

type statement struct {
	Sid       string                     `yaml:"Sid"`
	Effect    string                     `yaml:"Effect"`
	Action    list                       `yaml:"Action"`
	Resource  list                       `yaml:"Resource"`
	Condition map[string]map[string]list `yaml:"Condition"`
}

// rights are the statements that apply to each role, by the program's name.
func rights(t *testing.T, c cloudFormation) map[string][]statement {
	t.Helper()
	policies := each[struct {
		PolicyDocument policyDocument `yaml:"PolicyDocument"`
	}](t, c, "AWS::IAM::ManagedPolicy")
	found := map[string][]statement{}
	for name, role := range each[struct {
		ManagedPolicyArns []string `yaml:"ManagedPolicyArns"`
		Policies          []any    `yaml:"Policies"`
	}](t, c, "AWS::IAM::Role") {
		program := strings.ToLower(strings.TrimSuffix(name, "Role"))
		if len(role.Policies) > 0 {
			t.Errorf("%s has policies of its own, which this test does not see", name)
		}
		for _, arn := range role.ManagedPolicyArns {
			policy, ok := policies[strings.Trim(arn, "${}")]
			if !ok {
				t.Errorf("%s has policy %s, which is not of this template", name, arn)
			}
			found[program] = append(found[program], policy.PolicyDocument.Statement...)
		}
	}
	return found
}

// covers says whether one of the patterns, in which * is anything, matches.
func covers(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$").MatchString(name)
	})
}

// may lists the programs that may do something to a resource, in order; alias is another way in which a pattern may name it.
func may(of map[string][]statement, action, resource, alias string) []string {
	var programs []string
	for program, statements := range of {
		if slices.ContainsFunc(statements, func(s statement) bool {
			return s.Effect == "Allow" && covers(s.Action, action) && (covers(s.Resource, resource) || alias != "" && covers(s.Resource, alias))
		}) {
			programs = append(programs, program)
		}
	}
	slices.Sort(programs)
	return programs
}

// streamARN is how a pattern names a stream.
func streamARN(name string) string {
	return "arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/${Prefix}" + name
}

func TestTemplateGivesEachProgramWhatItNeedsAndNoMore(t *testing.T) {
	of := rights(t, loadTemplate(t))
	const all = "archiver audit balance credit creditlimit replay withdraw"
	for _, row := range []struct{ action, resource, alias, programs string }{
		{"dynamodb:PutItem", "${JournalTable.Arn}", "", "credit replay withdraw"},
		{"dynamodb:UpdateItem", "${JournalTable.Arn}", "", ""},
		{"dynamodb:DeleteItem", "${JournalTable.Arn}", "", ""},
		{"dynamodb:BatchWriteItem", "${JournalTable.Arn}", "", ""},
		{"dynamodb:PartiQLDelete", "${JournalTable.Arn}", "", ""},
		{"dynamodb:PartiQLUpdate", "${JournalTable.Arn}", "", ""},
		{"dynamodb:DeleteTable", "${JournalTable.Arn}", "", ""},
		{"dynamodb:Scan", "${JournalTable.Arn}", "", ""},
		{"dynamodb:Query", "${JournalTable.Arn}", "", all},
		{"dynamodb:DescribeTable", "${JournalTable.Arn}", "", all},
		{"dynamodb:Query", "${JournalTable.Arn}/index/writers", "", "credit withdraw"},
		{"dynamodb:Query", "${JournalTable.Arn}/index/accounts", "", "archiver audit balance creditlimit replay"},
		{"dynamodb:PutItem", "${BalanceTable.Arn}", "", "balance replay"},
		{"dynamodb:UpdateItem", "${BalanceTable.Arn}", "", ""},
		{"dynamodb:DeleteItem", "${BalanceTable.Arn}", "", "replay"},
		{"dynamodb:BatchWriteItem", "${BalanceTable.Arn}", "", ""},
		{"dynamodb:DescribeTable", "${BalanceTable.Arn}", "", "audit balance replay withdraw"},
		{"dynamodb:Query", "${BalanceTable.Arn}/index/due", "", "withdraw"},
		{"dynamodb:Query", "${BalanceTable.Arn}/index/holders", "", "balance"},
		{"dynamodb:PutItem", "${CreditLimitTable.Arn}", "", "creditlimit replay"},
		{"dynamodb:UpdateItem", "${CreditLimitTable.Arn}", "", ""},
		{"dynamodb:DeleteItem", "${CreditLimitTable.Arn}", "", "replay"},
		{"dynamodb:BatchWriteItem", "${CreditLimitTable.Arn}", "", ""},
		{"dynamodb:DescribeTable", "${CreditLimitTable.Arn}", "", "audit creditlimit replay"},
		{"dynamodb:DescribeTable", "${ControlTable.Arn}", "", all},
		{"dynamodb:PutItem", "${ControlTable.Arn}", "", "archiver balance credit creditlimit replay withdraw"},
		{"kinesis:PutRecords", "${EventStream.Arn}", streamARN(EventStream), "credit replay withdraw"},
		{"kinesis:GetRecords", "${EventStream.Arn}", streamARN(EventStream), "archiver balance creditlimit replay"},
		{"kinesis:DescribeStreamSummary", "${EventStream.Arn}", streamARN(EventStream), all},
		{"kinesis:DeleteStream", "${EventStream.Arn}", streamARN(EventStream), ""},
		{"kinesis:PutRecords", "${NotificationStream.Arn}", streamARN(NotificationStream), "creditlimit replay"},
		{"kinesis:DescribeStreamSummary", "${NotificationStream.Arn}", streamARN(NotificationStream), "audit creditlimit replay"},
		{"s3:PutObject", "${Archive.Arn}/*", "", "archiver replay"},
		{"s3:GetObject", "${Archive.Arn}/*", "", "archiver audit replay"},
		{"s3:ListBucket", "${Archive.Arn}", "", "archiver audit replay"},
		{"s3:DeleteObject", "${Archive.Arn}/*", "", ""},
		{"s3:DeleteObjectVersion", "${Archive.Arn}/*", "", ""},
		{"iam:PassRole", "*", "", ""},
	} {
		got := strings.Join(may(of, row.action, row.resource, row.alias), " ")
		if got != row.programs {
			t.Errorf("%s on %s: %q may, want %q", row.action, row.resource, got, row.programs)
		}
	}
	for program, statements := range of {
		for _, s := range statements {
			if slices.Contains(s.Resource, "*") || slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(a, "*") }) {
				t.Errorf("%s: statement %s gives more than it names", program, s.Sid)
			}
		}
	}
}

// leading are the kinds of control rows that each program may write; "any" where no condition narrows them.
func leading(of map[string][]statement) map[string][]string {
	kinds := map[string][]string{}
	for program, statements := range of {
		for _, s := range statements {
			if !covers(s.Resource, "${ControlTable.Arn}") || !covers(s.Action, "dynamodb:PutItem") {
				continue
			}
			narrow := []string{"any"}
			for _, operator := range s.Condition {
				if keys, ok := operator["dynamodb:LeadingKeys"]; ok {
					narrow = keys
				}
			}
			kinds[program] = append(kinds[program], narrow...)
		}
	}
	return kinds
}

func TestTemplateNarrowsTheControlTable(t *testing.T) {
	progress := func(consumer string) []string {
		on := "${Prefix}" + EventStream + "#" + consumer
		return []string{"lease#" + on, "hole#" + on, "quarantine#" + consumer}
	}
	want := map[string][]string{
		"withdraw": {"writer"}, "credit": {"writer"}, "replay": {"any"},
		"balance": progress("balance@*"), "creditlimit": progress("creditlimit@*"), "archiver": progress("archiver"),
	}
	if got := leading(rights(t, loadTemplate(t))); !reflect.DeepEqual(got, want) {
		t.Errorf("control rows that may be written:\n got %v\nwant %v", got, want)
	}
}

func TestTemplateDeniesWhatNobodyDoes(t *testing.T) {
	c := loadTemplate(t)
	journal := each[tableProperties](t, c, "AWS::DynamoDB::Table")["JournalTable"].ResourcePolicy.PolicyDocument
	bucket := each[struct {
		PolicyDocument policyDocument `yaml:"PolicyDocument"`
	}](t, c, "AWS::S3::BucketPolicy")["ArchivePolicy"].PolicyDocument
	for action, statements := range map[string][]statement{
		"dynamodb:UpdateItem": journal.Statement, "dynamodb:DeleteItem": journal.Statement, "dynamodb:BatchWriteItem": journal.Statement,
		"s3:DeleteObject": bucket.Statement, "s3:DeleteObjectVersion": bucket.Statement, "s3:PutObject": bucket.Statement,
	} {
		if !slices.ContainsFunc(statements, func(s statement) bool {
			return s.Effect == "Deny" && covers(s.Action, action) && s.Sid != "OnlyOverTLS"
		}) {
			t.Errorf("%s is not denied", action)
		}
	}
	for _, s := range bucket.Statement {
		if s.Sid == "NoProgramDeletes" && len(s.Condition["ArnEquals"]["aws:PrincipalArn"]) != len(rights(t, c)) {
			t.Errorf("not every role is denied to delete: %v", s.Condition)
		}
	}
}
