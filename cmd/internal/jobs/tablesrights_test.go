package jobs

import (
	"slices"
	"strings"
	"testing"
)

// tablesNeeds are what the program compact does to a resource.
var tablesNeeds = []need{
	{"s3:ListBucket", "arn:${AWS::Partition}:s3:::${ArchiveBucketName}", "", ""},
	{"s3:GetObject", "arn:${AWS::Partition}:s3:::${ArchiveBucketName}/*", "", ""},
	{"kms:Decrypt", "${KeyArn}", "6780970b-1945", ""},
	{"s3:ListBucket", "${Tables.Arn}", "", ""},
	{"s3:GetObject s3:PutObject s3:DeleteObject", "${Tables.Arn}/*", "", ""},
	{"glue:GetTable glue:CreateTable glue:UpdateTable", catalog + "catalog", "", ""},
	{"glue:GetTable glue:CreateTable glue:UpdateTable", catalog + "database/${DatabaseName}", "", ""},
	{"glue:GetTable glue:CreateTable glue:UpdateTable", catalog + "table/${DatabaseName}/events", "", ""},
}

// catalog is what the names of Glue begin with.
const catalog = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:"

// The role of compact reads the archive and unwraps the keys that entries are checked with. It
// changes nothing but the bucket of the tables and their table of Glue.
func TestCompactMayWhatItNeedsAndNoMore(t *testing.T) {
	statements := rights(t, loadTemplateOf(t, "tables.yaml"))["compact"]
	for _, n := range tablesNeeds {
		for _, action := range strings.Fields(n.actions) {
			if !slices.ContainsFunc(statements, func(s statement) bool { return s.allows(action, n.resource, n.key) }) {
				t.Errorf("compact may not %s on %s", action, n.resource)
			}
		}
	}
	for _, s := range statements {
		for _, grant := range s.single() {
			if !slices.ContainsFunc(tablesNeeds, func(n need) bool {
				return slices.Contains(strings.Fields(n.actions), grant.Action[0]) && grant.allows(grant.Action[0], n.resource, n.key)
			}) {
				t.Errorf("statement %s gives what nobody needs: %s on %s", s.Sid, grant.Action, grant.Resource)
			}
		}
		if s.allows("kms:Decrypt", "${KeyArn}", "6780970b-1945/archive-log") {
			t.Error("compact may sign the archive's log")
		}
	}
}
