package e2e

import (
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
)

// The program console beside the five services, with keys: a person signs in with one, opens an
// account and has money sent in and out of it, and sees it there, in the overview and in the
// pipeline, to which every process of the fleet is known. Who has no right has none by the console.
func TestTheConsoleShowsTheFleetOnAWS(t *testing.T) {
	f := newProcesses(t, 2)
	f.environ = append(f.environ, "PASSBOOK_AUTH=apikey")
	var fleet []*instance
	for _, service := range append(services, "console", "balance") {
		fleet = append(fleet, f.start(t, service, len(fleet)))
	}
	me := f.makeKey(t, "accounts:read,accounts:write,money:credit,money:withdraw,ops:read,feed:read", "--all-tenants")
	reader := f.makeKey(t, "accounts:read")
	me.awaitAll(t, fleet, 200)
	reader.awaitAll(t, fleet, 403)
	console := fleet[len(services)].base

	other := programtest.NewPerson(t, console)
	if page := other.Get("/ui/accounts"); !strings.Contains(page, "API key") {
		t.Errorf("nobody is asked to sign in: %s", page)
	}
	other.SignIn(reader.Key)
	at := programtest.NewPerson(t, console)
	at.SignIn(me.Key)
	at.Await("/ui/operators?tab=health", "services")
	if page := at.Change("/ui/change/open", map[string]string{"account_id": "A-1", "currency": "EUR"}); !strings.Contains(page, "A-1") {
		t.Fatalf("opening: %s", page)
	}
	at.Change("/ui/accounts/A-1/change/credit", map[string]string{"amount": "100.00"})
	at.Change("/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "25.00"})
	at.Await("/ui/accounts/A-1", "75.00", "−25.00")
	other.Await("/ui/accounts/A-1", "75.00")
	if page := other.Get("/ui/accounts/A-1/change/withdraw"); !strings.Contains(page, "money:withdraw") {
		t.Errorf("a reader gets the form: %s", page)
	}
	at.Await("/ui/", "−25.00", "A-1")
	names := []string{"balance@1", "creditlimit@1", "archiver"}
	for _, i := range fleet {
		names = append(names, i.name)
	}
	at.Await("/ui/pipeline", names...)
	at.Await("/ui/search?q=A-1:3", "25.00")
	at.Await("/ui/archive", "Complete up to")

	fleet[0].kill() // withdraw
	if page := at.Change("/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "1.00"}); !strings.Contains(page, "No process of withdraw answers") {
		t.Errorf("without withdraw: %s", page)
	}
	at.Await("/ui/pipeline", "connection refused")
	at.Await("/ui/accounts/A-1", "75.00")
}
