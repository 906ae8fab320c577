package access

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestScopesHaveTheirNames(t *testing.T) {
	want := []struct {
		scope Scopes
		name  string
	}{
		{AccountsRead, "accounts:read"}, {AccountsWrite, "accounts:write"}, {MoneyCredit, "money:credit"}, {MoneyWithdraw, "money:withdraw"},
		{LimitsWrite, "limits:write"}, {Force, "force"}, {OpsRead, "ops:read"}, {OpsWrite, "ops:write"}, {FeedRead, "feed:read"},
		{PIIRead, "pii:read"}, {KeysWrite, "keys:write"}, {WebhooksRead, "webhooks:read"}, {WebhooksWrite, "webhooks:write"},
	}
	var union Scopes
	for _, w := range want {
		if got := w.scope.String(); got != w.name {
			t.Errorf("%d is %q, want %q", w.scope, got, w.name)
		}
		union |= w.scope
	}
	if union != All {
		t.Errorf("All is %s, want %s", All, union)
	}
	again, err := Parse(All.Names())
	if err != nil || again != All {
		t.Errorf("All read again: %s, %v", again, err)
	}
	if _, err := Parse([]string{"accounts:read", "money"}); err == nil || !strings.Contains(err.Error(), `"money" is no scope`) {
		t.Errorf("an unknown scope: %v", err)
	}
	if got := Known([]string{"openid", "force", "money"}); got != Force {
		t.Errorf("known of a token: %s", got)
	}
}

func TestSetsOfScopes(t *testing.T) {
	set := AccountsRead | Force
	if !set.Has(AccountsRead) || !set.Has(set) || set.Has(AccountsRead|OpsRead) || !set.Has(0) {
		t.Error("Has")
	}
	if !set.HasAny(Force|OpsRead) || set.HasAny(OpsRead) || set.HasAny(0) {
		t.Error("HasAny")
	}
	if !slices.Equal(set.Names(), []string{"accounts:read", "force"}) {
		t.Error(set.Names())
	}
}

func TestContextsWithoutAPrincipalAreNobodys(t *testing.T) {
	if p := From(context.Background()); p != Nobody || p.Scopes != 0 || p.Tenant != "" {
		t.Errorf("%+v", p)
	}
	if p := From(With(context.Background(), nil)); p != Nobody {
		t.Errorf("%+v", p)
	}
	if p := From(With(context.Background(), Dev)); p != Dev {
		t.Errorf("%+v", p)
	}
}

func TestNamesOfTenants(t *testing.T) {
	for name, want := range map[string]bool{
		"main": true, "a": true, "0-9": true, strings.Repeat("a", 32): true,
		"": false, "-a": false, "A": false, "a#b": false, "a b": false, strings.Repeat("a", 33): false, "a\n": false,
	} {
		if ValidTenant(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
