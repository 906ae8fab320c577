package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"passbook/cmd/internal/programtest"
)

const (
	backupAccounts = 16
	// backupLoad is how many commands a second are sent beside a backup.
	backupLoad    = 1000
	backupSenders = 32
)

// backupRounds returns how many backups are taken under load.
func backupRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PASSBOOK_BACKUPS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PASSBOOK_BACKUPS=%q is not a positive number", text)
	}
	return n
}

// credits are cents that were acknowledged, by account.
type credits [backupAccounts]atomic.Int64

// cents are the credits of one moment.
type cents [backupAccounts]int64

// sum returns the credits of now.
func (c *credits) sum() (now cents) {
	for i := range c {
		now[i] = c[i].Load()
	}
	return now
}

// total returns the sum over all accounts.
func (c cents) total() (n int64) {
	for _, of := range c {
		n += of
	}
	return n
}

// begin sends credits of one cent from many senders, backupLoad a second in all, until the returned
// function is called.
func (c *credits) begin(t *testing.T, b *bank, round int) (stop func()) {
	pace, ended := rate.NewLimiter(backupLoad, 1), make(chan struct{})
	var senders sync.WaitGroup
	for s := range backupSenders {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				case <-time.After(pace.Reserve().Delay()):
				}
				n := (s + i) % backupAccounts
				a, err := b.try("POST", "/v1/accounts/"+account(n)+"/credits", fmt.Sprintf("b-%d-%d-%d", round, s, i), money(1))
				if err != nil || a.status != 201 {
					t.Errorf("a credit beside a backup: %d %s %v", a.status, a.text, err)
					return
				}
				c[n].Add(1)
			}
		})
	}
	return func() {
		close(ended)
		senders.Wait()
	}
}

// TestBackupBesideCommands takes backups beside 1,000 commands a second. Each restores to a bank
// that serves, audits clean and has everything that was acknowledged before the backup began.
func TestBackupBesideCommands(t *testing.T) {
	data, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	b := serve(t, data)
	for i := range backupAccounts {
		b.open(t, account(i), 1000)
	}
	var sent credits
	for round := range backupRounds(t) {
		before, stop := sent.sum(), sent.begin(t, b, round)
		wait(t, time.Second)
		began, least := time.Now(), sent.sum()
		got := must(t, "bank", "backup", "--data", data, "-o", "json", backup)
		rate := float64(sent.sum().total()-least.total()) / time.Since(began).Seconds()
		stop()
		var taken struct {
			Seconds float64
			Events  int64
			Copied  int64 `json:"copied_bytes"`
		}
		if err := json.Unmarshal([]byte(got.Out), &taken); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d events in %.1f s, %d bytes copied, beside %.0f commands/s; %d were acknowledged just before", round, taken.Events, taken.Seconds, taken.Copied, rate, least.total()-before.total())
		restores(t, backup, least)
	}
	b.checkAudit(t)
}

// restores checks that a backup restores to a bank that has at least what was acknowledged.
func restores(t *testing.T, backup string, least cents) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "restored")
	must(t, "bank", "restore", backup, "--data", data)
	b := serve(t, data)
	defer b.Terminate()
	for i, want := range least {
		v := b.post(t, "/v1/accounts/"+account(i)+"/credits", "after", money(1)).must(t, 201).body.Version
		a := b.get(t, fmt.Sprintf("/v1/accounts/%s/balance?min_version=%d&wait=10s", account(i), v)).must(t, 200)
		if a.body.Posted <= 1000+want || a.body.Posted != 1000+v-2 { // the account was opened by two events
			t.Errorf("%s has %d at version %d, and %d credits were acknowledged before", account(i), a.body.Posted, v, want)
		}
	}
	b.checkAudit(t)
}

// TestBackupThatIsInterrupted kills the bank while it makes a backup: the directory is none, or has
// the backup before, and the next one takes its place.
func TestBackupThatIsInterrupted(t *testing.T) {
	t.Parallel()
	data, dir := settle(t), filepath.Join(t.TempDir(), "backup")
	for _, before := range []bool{false, true} {
		b := serve(t, data)
		ended := make(chan programtest.Outcome, 1)
		go func() { ended <- command(t, "bank", "backup", "--data", data, "--rate", "1KiB", dir) }()
		programtest.Eventually(t, "a backup begins", func() error {
			_, err := os.Stat(filepath.Join(data, "snapshot", "FORMAT"))
			return err
		})
		b.Kill()
		if got := <-ended; got.Code != 1 || !strings.Contains(got.ErrOut, "the bank ended during the job") {
			t.Errorf("the backup of a bank that was killed: %d\n%s", got.Code, got.ErrOut)
		}
		got := command(t, "bank", "backup", "verify", dir)
		if before && got.Code != 0 || !before && (got.Code != 5 || !strings.Contains(got.ErrOut, "not finished")) {
			t.Errorf("verify, where one was before: %t: %d\n%s", before, got.Code, got.ErrOut)
		}
		must(t, "bank", "backup", "--data", data, dir) // on the directory of a bank that is down
		if _, err := os.Stat(filepath.Join(data, "snapshot")); err == nil {
			t.Error("the snapshot of an interrupted backup is still there")
		}
		must(t, "bank", "backup", "verify", dir)
	}
}

// TestRestoreRefuses checks what a restore does not accept, and that it then leaves no bank.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	data, dir := settle(t), filepath.Join(t.TempDir(), "backup")
	must(t, "bank", "backup", "--data", data, dir)
	refused := func(code int, says, backup, to string, flags ...string) {
		t.Helper()
		got := command(t, "bank", append([]string{"restore", backup, "--data", to}, flags...)...)
		if got.Code != code || !strings.Contains(got.ErrOut, says) {
			t.Errorf("restore of %s to %s: %d, want %d and %q\n%s", backup, to, got.Code, code, says, got.ErrOut)
		}
	}
	refused(5, "in use", dir, data)
	refused(5, "no backup", t.TempDir(), filepath.Join(t.TempDir(), "new"))
	refused(2, "--prefix", dir, filepath.Join(t.TempDir(), "new"), "--prefix", "other-")

	to := filepath.Join(t.TempDir(), "new")
	dry := command(t, "bank", "restore", dir, "--data", to, "--dry-run")
	if _, err := os.Stat(to); dry.Code != 0 || !strings.Contains(dry.Out, "would restore 4 accounts") || err == nil {
		t.Errorf("a dry run: %d, %v\n%s", dry.Code, err, dry.Out)
	}
	name := segments(t, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append([]byte("x"), whole[1:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(3, "was changed", dir, to, "--dry-run")
	refused(3, "was changed", dir, to)
	refusesToStart(t, to, "was not finished", "bank restore again") // what the restore has left
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	serving := serve(t, data)
	refused(5, "another process uses", dir, to, "--retire", data)
	serving.Terminate()
	must(t, "bank", "restore", dir, "--data", to, "--retire", data) // again, over it
	refusesToStart(t, data, "was retired", to)
	b := serve(t, to)
	b.get(t, "/v1/accounts/A-0/balance?min_version=3&wait=10s").must(t, 200)
	b.checkAudit(t)
}
