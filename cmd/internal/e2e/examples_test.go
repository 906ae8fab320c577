package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/programtest"
	"passbook/shared/api/schemas/schematest"
	"passbook/shared/awstest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// exampleLimit bounds a run of an example; the first one installs what it needs.
const exampleLimit = 5 * time.Minute

// examplesDir has the programs of docs/stream.md.
var examplesDir = filepath.Join("..", "..", "..", "docs", "examples")

// held is what an example keeps of an account.
type held struct {
	Version  int64  `json:"version"`
	Posted   int64  `json:"posted"`
	Currency string `json:"currency"`
}

// The programs of docs/stream.md, on the stream of the real services: what they keep is what GET
// balance answers for every account. Every record on the stream is valid by its schema, and has its
// hash.
func TestExamplesReadTheStreamOnAWS(t *testing.T) {
	f := newProcesses(t, 2)
	b := newBalancer(t)
	for _, service := range []string{"archiver", "withdraw", "credit", "balance", "creditlimit"} {
		b.add(f.start(t, service, 0))
	}
	state := filepath.Join(t.TempDir(), "state.json")
	events := f.prefix + deployment.EventStream
	heads := map[string]int64{}
	commandEverything(t, b, "first", heads)
	f.example(t, nil, nil, "consumer.py", events, state, "--once")
	f.putNoRecords(t)
	commandEverything(t, b, "second", heads)
	want := balances(t, b, heads)

	f.example(t, nil, nil, "consumer.py", events, state, "--once") // continues where the first run stopped
	var kept struct{ Accounts map[string]held }
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	equal(t, "consumer.py", kept.Accounts, want)

	table := f.newLambdaTable(t)
	t.Logf("lambda_local.py: %s", f.example(t, []string{"TABLE=" + table}, nil, "lambda_local.py", events))
	rows := f.rows(t, table)
	for account, row := range rows {
		if head, known := want[account]; !known || row.Version > head.Version {
			t.Errorf("lambda_handler.py: %s is at v%d, the head is v%d", account, row.Version, head.Version)
		}
	}
	for account, row := range want { // an account whose money never moved needs no row
		if rows[account].Posted != row.Posted {
			t.Errorf("lambda_handler.py: %s has %d, GET balance says %d", account, rows[account].Posted, row.Posted)
		}
	}
	f.checkRecords(t)
}

// commandEverything opens accounts and sends them commands of many kinds. It adds the version of
// each account's head to heads.
func commandEverything(t *testing.T, b *balancer, name string, heads map[string]int64) {
	t.Helper()
	var mu sync.Mutex
	send := func(service, account, path, payload string, want int) {
		ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
		defer cancel()
		r, _, err := b.command(ctx, service, path, name+account+path+payload, payload)
		if err != nil || r.status != want {
			t.Errorf("%s %s: %d %s, %v", path, payload, r.status, r.text, err)
		}
		mu.Lock()
		defer mu.Unlock()
		heads[account] = max(heads[account], r.body.Version)
	}
	money := func(amount int) string { return fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, amount) }
	var working sync.WaitGroup
	for i := range 8 {
		account := fmt.Sprintf("%s-%d", name, i)
		at := "/v1/accounts/" + account
		working.Go(func() {
			send("credit", account, "/v1/accounts", fmt.Sprintf(`{"account_id":%q,"currency":"EUR","credit_limit":10000}`, account), http.StatusCreated)
			if i == 0 {
				return // nothing but opened
			}
			send("credit", account, at+"/credits", money(5000+i), http.StatusCreated)
			send("withdraw", account, at+"/withdrawals", money(13_500), http.StatusCreated) // into the line: crosses 50 and 80 %
			send("withdraw", account, at+"/withdrawals", money(1_000_000), http.StatusUnprocessableEntity)
			send("withdraw", account, at+"/holds", money(50), http.StatusCreated)
			send("credit", account, at+"/freeze", `{"reason_code":"review"}`, http.StatusCreated)
		})
	}
	working.Wait()
	hot := name + "-1"
	for i := range 60 { // commands that meet share an entry
		working.Go(func() { send("credit", hot, "/v1/accounts/"+hot+"/credits", money(100+i), http.StatusCreated) })
	}
	working.Wait()
}

// balances returns what GET balance answers for accounts at their heads, by partition key.
func balances(t *testing.T, b *balancer, heads map[string]int64) map[string]held {
	t.Helper()
	all := map[string]held{}
	for account, head := range heads {
		programtest.Every(t, look, "balance of "+account, func() error {
			r, err := b.send(t.Context(), b.target(nameOf("balance", 0)), http.MethodGet, fmt.Sprintf("/v1/accounts/%s/balance?min_version=%d&wait=5s", account, head), "", "")
			if err == nil && r.status != http.StatusOK {
				err = fmt.Errorf("%d %s", r.status, r.text)
			}
			all["main#"+account] = held{r.body.Version, r.body.Posted, "EUR"}
			return err
		})
	}
	return all
}

// equal fails the test where an example keeps another balance than the bank.
func equal(t *testing.T, example string, got, want map[string]held) {
	t.Helper()
	for account, row := range want {
		if got[account] != row {
			t.Errorf("%s: %s is %+v, GET balance says %+v", example, account, got[account], row)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d accounts, want %d", example, len(got), len(want))
	}
}

// example runs a program of docs/examples to its end and returns what it printed.
func (f *processes) example(t *testing.T, environ []string, input []byte, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), exampleLimit)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(examplesDir, "python.sh"), append([]string{filepath.Join(examplesDir, program)}, args...)...)
	command.Env = append(append(os.Environ(), f.environ...), append(environ, "AWS_DEFAULT_REGION="+awstest.DefaultRegion)...)
	var out, errs bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", program, err, &out, &errs)
	}
	return out.Bytes()
}

// putNoRecords puts what is no record on the stream: consumers skip it.
func (f *processes) putNoRecords(t *testing.T) {
	t.Helper()
	var records []stream.Record
	for _, data := range []string{"not an entry", `{"format":99}`, `[]`, "\xff"} {
		records = append(records, stream.Record{PartitionKey: "main#first-1", Data: []byte(data)})
	}
	if _, err := f.streams.Put(t.Context(), f.prefix+deployment.EventStream, records); err != nil {
		t.Fatal(err)
	}
}

// newLambdaTable makes the table of the Lambda function.
func (f *processes) newLambdaTable(t *testing.T) string {
	t.Helper()
	client, name := dynamodb.NewFromConfig(awstest.Config(t)), f.prefix+"lambda"
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("account"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("account"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: &name})
		left(t, "table "+name, err)
	})
	if err := dynamodb.NewTableExistsWaiter(client).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return name
}

// rows returns what the Lambda function keeps, by account.
func (f *processes) rows(t *testing.T, table string) map[string]held {
	t.Helper()
	page, err := dynamodb.NewFromConfig(awstest.Config(t)).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]held{}
	for _, item := range page.Items {
		all[text(item["account"])] = held{number(t, item["version"]), number(t, item["posted"]), text(item["currency"])}
	}
	return all
}

// text returns an attribute that is a string.
func text(value types.AttributeValue) string {
	s, _ := value.(*types.AttributeValueMemberS)
	return s.Value
}

// number returns an attribute that is an integer.
func number(t *testing.T, value types.AttributeValue) int64 {
	t.Helper()
	n, _ := value.(*types.AttributeValueMemberN)
	parsed, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// checkRecords validates every record of both streams, and has record.py check the hash of each and
// map its events.
func (f *processes) checkRecords(t *testing.T) {
	t.Helper()
	var lines bytes.Buffer
	records, want := 0, 0
	for _, data := range readStream(t, f.streams, f.prefix+deployment.EventStream) {
		entry, err := event.DecodeRecord(data)
		if err != nil {
			continue // what putNoRecords put
		}
		schematest.Validate(t, schematest.Entry, data)
		fmt.Fprintf(&lines, "%s\n", data)
		records, want = records+1, want+len(entry.Events)
	}
	mapped := 0
	for line := range bytes.Lines(f.example(t, nil, lines.Bytes(), "record.py", "arn:aws:kinesis:eu-central-1:000000000000:stream/"+f.prefix+"events")) {
		schematest.Validate(t, schematest.CloudEvent, line)
		mapped++
	}
	notifications := readStream(t, f.streams, f.prefix+deployment.NotificationStream)
	for _, data := range notifications {
		schematest.Validate(t, schematest.Notification, data)
	}
	if records == 0 || mapped != want || len(notifications) == 0 {
		t.Errorf("%d records of %d events, %d CloudEvents, %d notifications", records, want, mapped, len(notifications))
	}
	t.Logf("%d records of %d events; %d notifications", records, want, len(notifications))
}

// readStream returns the data of every record of a stream.
func readStream(t *testing.T, streams stream.Stream, name string) (all [][]byte) {
	t.Helper()
	shards, err := streams.Shards(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		at, err := streams.Iterator(t.Context(), name, shard.ID, stream.Position{Where: stream.TrimHorizon})
		for at != "" && err == nil {
			var batch stream.Batch
			if batch, err = streams.Get(t.Context(), at, stream.MaxGetRecords); err != nil {
				break
			}
			for _, r := range batch.Records {
				all = append(all, r.Data)
			}
			if at = batch.Next; len(batch.Records) == 0 && batch.Behind == 0 {
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
