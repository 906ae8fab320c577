package jobs

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

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

// rights returns the statements that apply to each role, by the program's name. Each of them allows
// something, at most on the condition that only some partitions are touched.
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
			t.Errorf("%s has inline policies, which this test does not read", name)
		}
		for _, arn := range role.ManagedPolicyArns {
			policy, ok := policies[strings.Trim(arn, "${}")]
			if !ok {
				t.Errorf("%s has policy %s, which is not of this template", name, arn)
			}
			found[program] = append(found[program], policy.PolicyDocument.Statement...)
		}
	}
	for program, statements := range found {
		for _, s := range statements {
			keys := len(s.Condition["ForAllValues:StringEquals"][leadingKeys]) + len(s.Condition["ForAllValues:StringLike"][leadingKeys]) +
				len(s.Condition["StringLike"][bankContext])
			judged := len(s.Condition)
			if len(s.Condition["StringLike"][bankContext]) > 0 && len(s.Condition["StringNotLike"][bankContext]) > 0 {
				judged--
			}
			if s.Effect != "Allow" || judged > 1 || judged == 1 && keys == 0 {
				t.Errorf("%s: statement %s is one that this test does not judge", program, s.Sid)
			}
			if slices.Contains(s.Resource, "*") || slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(a, "*") }) {
				t.Errorf("%s: statement %s gives more than it names", program, s.Sid)
			}
		}
	}
	return found
}

// leadingKeys are the partitions of a table that a request touches, and bankContext the bank whose
// data key it wraps or unwraps.
const (
	leadingKeys = "dynamodb:LeadingKeys"
	bankContext = "kms:EncryptionContext:bank"
)

// covers reports whether one of the patterns, in which * is anything, matches.
func covers(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$").MatchString(name)
	})
}

// The names of tables and streams that the template does not refer to.
const (
	tables  = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Prefix}"
	streams = "arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/${Prefix}"
)

// allows reports whether a statement allows a request; key is the partition that it touches or the
// bank whose data key it is about, "" if neither.
func (s statement) allows(action, resource, key string) bool {
	if !slices.Contains(s.Action, action) || !covers(s.Resource, resource) {
		return false
	}
	equal, like := s.Condition["ForAllValues:StringEquals"][leadingKeys], s.Condition["ForAllValues:StringLike"][leadingKeys]
	if strings.HasPrefix(action, "kms:") {
		return len(s.Condition) == 0 || key != "" && covers(s.Condition["StringLike"][bankContext], key) && !covers(s.Condition["StringNotLike"][bankContext], key)
	}
	return key == "" || len(s.Condition) == 0 || slices.Contains(equal, key) || covers(like, key) // of no keys, all are as they should be
}

// single returns the statement's grants one by one: one action on one resource, and one pattern of
// keys.
func (s statement) single() (grants []statement) {
	conditions := []map[string]map[string]list{nil}
	for operator, on := range s.Condition {
		if operator == "StringNotLike" { // it narrows the other
			continue
		}
		conditions = nil
		for name, keys := range on {
			for _, key := range keys {
				conditions = append(conditions, map[string]map[string]list{operator: {name: {key}}})
			}
		}
	}
	for _, action := range s.Action {
		for _, resource := range s.Resource {
			for _, condition := range conditions {
				grants = append(grants, statement{Effect: s.Effect, Action: list{action}, Resource: list{resource}, Condition: condition})
			}
		}
	}
	return grants
}

// need is what the programs do to a resource, and nobody else. key is as in statement.allows.
type need struct{ actions, resource, key, programs string }

// needs are all that the programs do besides finding what is there. A transaction of puts has no
// separate action: it is PutItem on each table. HeadObject is GetObject to IAM, HeadBucket is
// ListBucket.
var needs = []need{
	// Commands fold the journal, read guards and settle what was not answered; replay compares what
	// it restores, audit the guards.
	{"dynamodb:Query", tables + "journal", "", "archiver audit balance credit creditlimit replay withdraw"},
	{"dynamodb:GetItem", tables + "journal", "", "audit credit replay withdraw"},
	{"dynamodb:PutItem", tables + "journal", "", "credit replay withdraw"},
	{"dynamodb:Query", tables + "journal/index/writers", "", "credit replay withdraw"}, // dead writers are drained; before a day is sealed all are looked at
	// Holes are healed account by account, and who writes or archives looks at the start whether
	// there is an account at all.
	{"dynamodb:Query", tables + "journal/index/accounts", "", "archiver audit balance credit creditlimit replay withdraw"},

	// Projecting is a get and a put; replay compares generations row by row and deletes those of
	// one.
	{"dynamodb:GetItem", tables + "balance", "", "audit balance replay"},
	{"dynamodb:PutItem", tables + "balance", "", "balance replay"},
	{"dynamodb:Scan", tables + "balance", "", "audit replay"},
	{"dynamodb:DeleteItem", tables + "balance", "", "replay"},
	{"dynamodb:Query", tables + "balance/index/due", "", "withdraw"}, // the sweeper
	{"dynamodb:Query", tables + "balance/index/holders", "", "balance"},
	// The further rows of the balances are written before those, and read by their service.
	{"dynamodb:GetItem", tables + "derived", "", "audit balance replay"},
	{"dynamodb:PutItem", tables + "derived", "", "balance replay"},
	{"dynamodb:Query", tables + "derived", "", "balance"},
	{"dynamodb:Scan", tables + "derived", "", "audit replay"},
	{"dynamodb:DeleteItem", tables + "derived", "", "replay"},
	{"dynamodb:GetItem", tables + "creditlimit", "", "audit creditlimit replay"},
	{"dynamodb:PutItem", tables + "creditlimit", "", "creditlimit replay"},
	{"dynamodb:Scan", tables + "creditlimit", "", "audit replay"},
	{"dynamodb:DeleteItem", tables + "creditlimit", "", "replay"},

	// Of the control table each program sees its own kinds; replay sees all.
	{rows, tables + "control", "writer", "credit replay withdraw"}, // a writer's heartbeat, the drainer's look at all
	{"dynamodb:GetItem", tables + "control", "generation", "audit balance creditlimit replay withdraw"},
	{"dynamodb:PutItem", tables + "control", "generation", "replay"},
	{rows, tables + "control", "lease#${Prefix}events#balance@7", "balance replay"},
	{rows, tables + "control", "hole#${Prefix}events#balance@7", "balance replay"},
	{rows, tables + "control", "quarantine#balance@7", "balance replay"},
	{rows, tables + "control", "lease#${Prefix}events#creditlimit@7", "creditlimit replay"},
	{rows, tables + "control", "hole#${Prefix}events#creditlimit@7", "creditlimit replay"},
	{rows, tables + "control", "quarantine#creditlimit@7", "creditlimit replay"},
	// Before it restores, replay archives the tail. Writers look at the start whether anything was
	// archived.
	{"dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "lease#${Prefix}events#archiver", "archiver replay"},
	// The services of the consumers see it with the operators' log; balance needs it for feeds.
	{"dynamodb:Query", tables + "control", "lease#${Prefix}events#archiver", "archiver balance credit creditlimit replay withdraw"},
	// Whose archive it is: tied at the archiver's first start or by a restore. All look at the
	// format of its entries, and sign or check them with its data keys, which are made with the
	// bank and by jobs.
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "bank", "archiver audit balance credit creditlimit replay withdraw"},
	{"dynamodb:PutItem", tables + "control", "bank", "archiver replay"},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "key", "archiver audit balance credit creditlimit replay withdraw"},
	{"dynamodb:PutItem", tables + "control", "key", "archiver replay"},
	{"kms:Decrypt", "${Key.Arn}", "6780970b-1945", "archiver audit balance credit creditlimit replay withdraw"},
	{"kms:Encrypt", "${Key.Arn}", "6780970b-1945", "archiver replay"},
	// Only who makes the key of the archive's log signs with it.
	{"kms:Decrypt kms:Encrypt", "${Key.Arn}", "6780970b-1945/archive-log", "archiver replay"},
	{rows, tables + "control", "archivelog", "archiver replay"},
	{"kms:Decrypt kms:Encrypt", "${Key.Arn}", "", ""}, // what the services encrypted, only through them
	// What operators had done: jobs write it, consumers serve it.
	{"dynamodb:PutItem", tables + "control", "opslog", "audit replay"},
	{"dynamodb:DeleteItem", tables + "control", "opslog", "replay"},
	{"dynamodb:Query", tables + "control", "opslog", "archiver balance creditlimit replay"},
	// An audit looks whether there are webhooks; webhooks.yaml has the rights to read them.
	{"dynamodb:GetItem", tables + "control", "webhook", "audit replay"},
	// Who calls: the services read it, jobs make and revoke keys, and that of audit lists them.
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "apikey", "archiver audit balance credit creditlimit replay withdraw"},
	{"dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "apikey", "replay"},
	// The names of persons: kept by the programs that take tokens, erased by a job.
	{rows, tables + "control", "actor", "archiver balance credit creditlimit replay withdraw"},
	// Where each service is reached: its own row, and those of processes that are gone.
	{rows, tables + "control", "process", "archiver balance credit creditlimit replay withdraw"},
	{rows, tables + "control", "hole#${Prefix}events#archiver", "archiver replay"},
	{rows, tables + "control", "quarantine#archiver", "archiver replay"},
	{rows, tables + "control", "replay#balance@7", "replay"},

	{"kinesis:ListShards kinesis:GetShardIterator kinesis:GetRecords", "${EventStream.Arn}", "", "archiver balance creditlimit replay"},
	// Feeds, by enhanced fan-out, and which process of the fleet reads for them.
	{fanOut, "${EventStream.Arn}", "", "balance"},
	{fanOut, "${EventStream.Arn}/consumer/feed-1:1", "", "balance"},
	{fanOut, "${EventStream.Arn}/consumer/analytics:1", "", ""}, // somebody else's
	{rows, tables + "control", "feed#${Prefix}events", "balance replay"},
	{"kinesis:PutRecords", "${EventStream.Arn}", "", "credit replay withdraw"},
	{"kinesis:PutRecords", "${NotificationStream.Arn}", "", "creditlimit replay"},
	{"kinesis:CreateStream kinesis:DescribeStreamSummary kinesis:PutRecords", streams + "copy", "", "replay"},
	{"kinesis:CreateStream kinesis:DescribeStreamSummary kinesis:PutRecords", streams + "copy.of-march", "", "replay"},
	{"kinesis:CreateStream", "${EventStream.Arn}", "", "replay"}, // asked for before a stream is written to, be it there or not

	{"s3:PutObject", "${Archive.Arn}/*", "", "archiver replay"},
	{"s3:GetObject", "${Archive.Arn}/*", "", "archiver audit balance replay"},
	{"s3:GetObject", "${Archive.Arn}", "", "balance"}, // one statement names both
	{"s3:ListBucket", "${Archive.Arn}/*", "", "balance"},
}

// fanOut are the actions of a process that registers its own consumer and subscribes.
const fanOut = "kinesis:RegisterStreamConsumer kinesis:DeregisterStreamConsumer kinesis:DescribeStreamConsumer kinesis:ListStreamConsumers kinesis:SubscribeToShard"

// rows are the actions of programs that write rows and delete them.
const rows = "dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem"

// finds reads what each program looks for when it starts. A test of package programs compares what
// the services open with it.
func finds(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/finds.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		names := strings.Fields(line)
		found[names[0]] = names[1:]
	}
	return found
}

// findings are what it takes to find a resource, by its name.
var findings = map[string]need{
	"journal":       {actions: "dynamodb:DescribeTable", resource: tables + "journal"},
	"control":       {actions: "dynamodb:DescribeTable", resource: tables + "control"},
	"balance":       {actions: "dynamodb:DescribeTable", resource: tables + "balance"},
	"derived":       {actions: "dynamodb:DescribeTable", resource: tables + "derived"},
	"creditlimit":   {actions: "dynamodb:DescribeTable", resource: tables + "creditlimit"},
	"events":        {actions: "kinesis:DescribeStreamSummary", resource: "${EventStream.Arn}"},
	"notifications": {actions: "kinesis:DescribeStreamSummary", resource: "${NotificationStream.Arn}"},
	"archive":       {actions: "s3:ListBucket", resource: "${Archive.Arn}"},
}

// everyNeed returns needs, and what finding takes.
func everyNeed(t *testing.T) []need {
	t.Helper()
	all := slices.Clone(needs)
	for name, n := range findings {
		var programs []string
		for program, names := range finds(t) {
			if slices.Contains(names, name) {
				programs = append(programs, program)
			}
		}
		slices.Sort(programs)
		n.programs = strings.Join(programs, " ")
		all = append(all, n)
	}
	return all
}

func TestTemplateGivesEachProgramWhatItNeedsAndNoMore(t *testing.T) {
	of := rights(t, loadTemplate(t))
	all := everyNeed(t)
	for _, n := range all {
		for _, action := range strings.Fields(n.actions) {
			var may []string
			for program, statements := range of {
				if slices.ContainsFunc(statements, func(s statement) bool { return s.allows(action, n.resource, n.key) }) {
					may = append(may, program)
				}
			}
			slices.Sort(may)
			if got := strings.Join(may, " "); got != n.programs {
				t.Errorf("%s on %s %s: %q may, want %q", action, n.resource, n.key, got, n.programs)
			}
		}
	}
	for program, statements := range of {
		for _, s := range statements {
			for _, grant := range s.single() {
				if !slices.ContainsFunc(all, func(n need) bool {
					return slices.Contains(strings.Fields(n.programs), program) && slices.Contains(strings.Fields(n.actions), grant.Action[0]) &&
						grant.allows(grant.Action[0], n.resource, n.key)
				}) {
					t.Errorf("%s: statement %s gives what nobody needs: %s on %s %v", program, s.Sid, grant.Action, grant.Resource, grant.Condition)
				}
			}
		}
	}
}

// TestJobsFindEverything compares the file that the rights are computed from with the resources
// that jobs open.
func TestJobsFindEverything(t *testing.T) {
	var want []string
	for _, s := range Resources().Tables {
		if !s.Optional {
			want = append(want, s.Name)
		}
	}
	want = append(append(want, Resources().Streams...), "archive")
	for _, program := range []string{"replay", "audit"} {
		if got := finds(t)[program]; !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", program, got, want)
		}
	}
}

func TestTemplateDeniesWhatNobodyDoes(t *testing.T) {
	c := loadTemplate(t)
	journal := each[tableProperties](t, c, "AWS::DynamoDB::Table")["JournalTable"].ResourcePolicy.PolicyDocument
	bucket := each[struct {
		PolicyDocument policyDocument `yaml:"PolicyDocument"`
	}](t, c, "AWS::S3::BucketPolicy")["ArchivePolicy"].PolicyDocument
	for _, denied := range []struct {
		by                []statement
		actions, resource string
	}{
		{
			journal.Statement, "dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:BatchWriteItem " +
				"dynamodb:PartiQLInsert dynamodb:PartiQLUpdate dynamodb:PartiQLDelete dynamodb:UpdateTimeToLive",
			tables + "journal",
		},
		{bucket.Statement, "s3:* s3:DeleteObject s3:DeleteObjectVersion s3:PutObject", "${Archive.Arn}/*"},
		{bucket.Statement, "s3:* s3:PutBucketVersioning s3:PutLifecycleConfiguration", "${Archive.Arn}"},
	} {
		for _, action := range strings.Fields(denied.actions) {
			if !slices.ContainsFunc(denied.by, func(s statement) bool {
				return s.Effect == "Deny" && slices.Contains(s.Action, action) && covers(s.Resource, denied.resource)
			}) {
				t.Errorf("%s on %s is not denied", action, denied.resource)
			}
		}
	}
	for _, s := range bucket.Statement {
		if s.Sid == "NoProgramDeletes" && len(s.Condition["ArnEquals"]["aws:PrincipalArn"]) != len(rights(t, c)) {
			t.Errorf("not every role is denied to delete: %v", s.Condition)
		}
	}
}

// TestTemplateReachesNoOtherBank checks the patterns of resource names: another bank's prefix may
// begin with this bank's.
func TestTemplateReachesNoOtherBank(t *testing.T) {
	c := loadTemplate(t)
	for program, statements := range rights(t, c) {
		for _, s := range statements {
			for _, other := range []string{"2-events", "2-notifications", "copy-events", "copy-notifications"} {
				if covers(s.Resource, streams+other) || covers(s.Resource, tables+strings.Replace(other, "events", "journal", 1)) {
					t.Errorf("%s: statement %s reaches ${Prefix}%s", program, s.Sid, other)
				}
			}
		}
	}
	prefix := regexp.MustCompile("^(?:" + c.Parameters["Prefix"].AllowedPattern + ")$")
	for name, want := range map[string]bool{
		"passbook-": true, "a-": true, "a-b-": true, strings.Repeat("a", 31) + "-": true,
		"a": false, "passbook": false, "-": false, "-a-": false, "copy.a-": false, "A-": false, strings.Repeat("a", 32) + "-": false,
	} {
		if got := prefix.MatchString(name); got != want {
			t.Errorf("prefix %q is allowed: %v", name, got)
		}
	}
}

// TestTemplateTrustsWhoRunsThePrograms checks every role: the service that runs programs in this
// account may take it, and operators may take those of the jobs. EKS Pod Identity tags the sessions
// that it opens, ECS does not.
func TestTemplateTrustsWhoRunsThePrograms(t *testing.T) {
	service := map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"Service": "${TrustedService}"},
		"Action":    []any{"TagsSessions", []any{"sts:AssumeRole", "sts:TagSession"}, "sts:AssumeRole"},
		"Condition": map[string]any{"StringEqualsIfExists": map[string]any{"aws:SourceAccount": "${AWS::AccountId}"}},
	}
	operators := []any{"HasOperators", map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": "${OperatorArns}"}, "Action": "sts:AssumeRole",
	}, "${AWS::NoValue}"}
	c := loadTemplate(t)
	for name, role := range each[struct {
		AssumeRolePolicyDocument map[string]any `yaml:"AssumeRolePolicyDocument"`
	}](t, c, "AWS::IAM::Role") {
		want := []any{service}
		if name == "ReplayRole" || name == "AuditRole" {
			want = append(want, operators)
		}
		if got := role.AssumeRolePolicyDocument["Statement"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s trusts %v, want %v", name, got, want)
		}
	}
	if operators := c.Parameters["OperatorArns"]; operators.Type != "CommaDelimitedList" || operators.Default != "" {
		t.Errorf("OperatorArns is %+v", operators)
	}
}
