package jobs

import (
	"slices"
	"strings"
	"testing"
)

// consoleNeeds are what the console does to a resource.
var consoleNeeds = []need{
	{"dynamodb:DescribeTable dynamodb:Query", tables + "journal", "", ""},
	{"dynamodb:DescribeTable", tables + "control", "", ""},
	{"dynamodb:DescribeTable dynamodb:Scan", tables + "balance", "", ""},
	{"kinesis:DescribeStreamSummary kinesis:ListShards", streams + "events", "", ""},
	{"kms:Decrypt", "${KeyArn}", "6780970b-1945", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "bank", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "key", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "apikey", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "generation", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "webhook", ""},
	{"dynamodb:Query", tables + "webhooks/index/state", "", ""},
	{"dynamodb:Query", tables + "control", "process", ""},
	{"dynamodb:Query", tables + "control", "writer", ""},
	{"dynamodb:Query", tables + "control", "opslog", ""},
	{"dynamodb:Query", tables + "control", "lease#${Prefix}events#archiver", ""},
	{"dynamodb:Query", tables + "control", "hole#${Prefix}events#balance@7", ""},
	{"dynamodb:Query", tables + "control", "quarantine#creditlimit@7", ""},
	{"dynamodb:GetItem dynamodb:PutItem", tables + "control", "actor", ""},
}

// The console's role reads what it answers from, and writes the names of persons alone: neither an
// account nor a row that another program relies on.
func TestConsoleMayWhatItNeedsAndNoMore(t *testing.T) {
	statements := rights(t, loadTemplateOf(t, "console.yaml"))["console"]
	for _, n := range consoleNeeds {
		for _, action := range strings.Fields(n.actions) {
			if !slices.ContainsFunc(statements, func(s statement) bool { return s.allows(action, n.resource, n.key) }) {
				t.Errorf("the console may not %s on %s %s", action, n.resource, n.key)
			}
		}
	}
	for _, s := range statements {
		for _, grant := range s.single() {
			if !slices.ContainsFunc(consoleNeeds, func(n need) bool {
				return slices.Contains(strings.Fields(n.actions), grant.Action[0]) && grant.allows(grant.Action[0], n.resource, n.key)
			}) {
				t.Errorf("statement %s gives what nobody needs: %s on %s %v", s.Sid, grant.Action, grant.Resource, grant.Condition)
			}
		}
	}
}
