package jobs

import (
	"slices"
	"strings"
	"testing"

	"passbook/shared/webhook/delivery"
)

// webhooksNeeds are what the program webhooks does to a resource.
var webhooksNeeds = []need{
	{"dynamodb:DescribeTable dynamodb:Query", tables + "journal", "", ""},
	{"dynamodb:Query", tables + "journal/index/accounts", "", ""},
	{"dynamodb:DescribeTable", tables + "control", "", ""},
	{"dynamodb:DescribeTable", tables + "webhooks", "", ""},
	{"dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "${WebhooksTable.Arn}", "", ""},
	{"dynamodb:Query", "${WebhooksTable.Arn}/index/state", "", ""},
	{"kinesis:DescribeStreamSummary kinesis:ListShards kinesis:GetShardIterator kinesis:GetRecords", streams + "events", "", ""},
	{"kms:Decrypt kms:Encrypt", "${KeyArn}", "6780970b-1945", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "bank", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "key", ""},
	{"dynamodb:GetItem dynamodb:Query", tables + "control", "apikey", ""},
	{"dynamodb:Query dynamodb:PutItem", tables + "control", "opslog", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "webhook", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "actor", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "process", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "quarantine#webhooks", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "lease#${Prefix}events#webhooks", ""},
	{"dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem", tables + "control", "hole#${Prefix}events#webhooks", ""},
}

// The roles of jobs get from the stack of webhooks what an audit of them takes.
func TestJobsMayAuditWebhooks(t *testing.T) {
	policies := each[struct {
		Roles          []any          `yaml:"Roles"`
		PolicyDocument policyDocument `yaml:"PolicyDocument"`
	}](t, loadTemplateOf(t, "webhooks.yaml"), "AWS::IAM::ManagedPolicy")
	for name, want := range map[string]struct {
		roles int
		needs []need
	}{
		"WebhooksAuditPolicy":  {2, []need{{"dynamodb:Query", tables + "control", "webhook", ""}, {"dynamodb:GetItem dynamodb:Scan", "${WebhooksTable.Arn}", "", ""}}},
		"WebhooksRepairPolicy": {1, []need{{"dynamodb:PutItem dynamodb:DeleteItem", "${WebhooksTable.Arn}", "", ""}}},
	} {
		given := policies[name]
		grants := 0
		for _, n := range want.needs {
			for _, action := range strings.Fields(n.actions) {
				grants++
				if !slices.ContainsFunc(given.PolicyDocument.Statement, func(s statement) bool { return s.Effect == "Allow" && s.allows(action, n.resource, n.key) }) {
					t.Errorf("%s does not give %s on %s", name, action, n.resource)
				}
			}
		}
		for _, s := range given.PolicyDocument.Statement {
			grants -= len(s.single())
		}
		if grants != 0 || len(given.Roles) != want.roles {
			t.Errorf("%s gives %d grants more than are needed, to %d roles", name, -grants, len(given.Roles))
		}
	}
}

// The role of the program webhooks reads stream and journal, and writes nothing of accounts.
func TestWebhooksMayWhatItNeedsAndNoMore(t *testing.T) {
	template := loadTemplateOf(t, "webhooks.yaml")
	statements := rights(t, template)["webhooks"]
	for _, n := range webhooksNeeds {
		for _, action := range strings.Fields(n.actions) {
			if !slices.ContainsFunc(statements, func(s statement) bool { return s.allows(action, n.resource, n.key) }) {
				t.Errorf("webhooks may not %s on %s %s", action, n.resource, n.key)
			}
		}
	}
	for _, s := range statements {
		for _, grant := range s.single() {
			if !slices.ContainsFunc(webhooksNeeds, func(n need) bool {
				return slices.Contains(strings.Fields(n.actions), grant.Action[0]) && grant.allows(grant.Action[0], n.resource, n.key)
			}) {
				t.Errorf("statement %s gives what nobody needs: %s on %s %v", s.Sid, grant.Action, grant.Resource, grant.Condition)
			}
		}
	}
	if delivery.Consumer != "webhooks" || delivery.Table != "webhooks" {
		t.Error("the template names another consumer or table")
	}
}
