package kinesisstream_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"passbook/shared/awstest"
	"passbook/shared/stream"
	"passbook/shared/stream/kinesisstream"
)

var one = []stream.Record{{PartitionKey: "main#A-1", Data: []byte("x")}}

// call is a call of the adapter, and the operation that answers it.
type call struct {
	name, op string
	tries    int
	deadline time.Duration
	do       func(context.Context, *kinesisstream.Stream) error
}

var calls = []call{
	{"put", "PutRecords", 1, 5 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		_, err := s.Put(ctx, "bank-events", one)
		return err
	}},
	{"iterator", "GetShardIterator", 1, 5 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		_, err := s.Iterator(ctx, "bank-events", "shardId-1", stream.Position{})
		return err
	}},
	{"get", "GetRecords", 1, 15 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		_, err := s.Get(ctx, "iterator", 10)
		return err
	}},
	{"shards", "ListShards", 3, 5 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		_, err := s.Shards(ctx, "bank-events")
		return err
	}},
	{"created", "DescribeStreamSummary", 3, 5 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		_, err := s.Created(ctx, "bank-events")
		return err
	}},
	{"check", "DescribeStreamSummary", 3, 5 * time.Second, func(ctx context.Context, s *kinesisstream.Stream) error {
		return s.Check(ctx, "bank-events")
	}},
	{"create", "CreateStream", 5, 2 * time.Minute, func(ctx context.Context, s *kinesisstream.Stream) error {
		return s.CreateStream(ctx, "bank-events", 1)
	}},
	{"delete", "DeleteStream", 5, 2 * time.Minute, func(ctx context.Context, s *kinesisstream.Stream) error {
		return s.DeleteStream(ctx, "bank-events")
	}},
	{"merge", "MergeShards", 5, 2 * time.Minute, func(ctx context.Context, s *kinesisstream.Stream) error {
		return s.Merge(ctx, "bank-events", "shardId-1", "shardId-2")
	}},
	{"update", "UpdateShardCount", 5, 2 * time.Minute, func(ctx context.Context, s *kinesisstream.Stream) error {
		return s.UpdateShardCount(ctx, "bank-events", 2)
	}},
}

func TestErrorsOfCalls(t *testing.T) {
	ports := []error{stream.ErrNotFound, stream.ErrThrottled, stream.ErrExpiredIterator, stream.ErrTrimmed, stream.ErrRefused, stream.ErrInvalid}
	codes := map[string]error{
		"ResourceNotFoundException": stream.ErrNotFound, "ProvisionedThroughputExceededException": stream.ErrThrottled,
		"LimitExceededException": stream.ErrThrottled, "KMSThrottlingException": stream.ErrThrottled, "ThrottlingException": stream.ErrThrottled,
		"ExpiredIteratorException": stream.ErrExpiredIterator, "InvalidArgumentException": stream.ErrInvalid,
		"ValidationException": stream.ErrInvalid, "AccessDeniedException": stream.ErrRefused, "KMSDisabledException": stream.ErrRefused, "ExpiredTokenException": stream.ErrRefused,
		"InternalFailure": nil,
	}
	for _, c := range calls {
		for code, want := range codes {
			synctest.Test(t, func(t *testing.T) {
				s, _ := open(t, map[string][]reply{c.op: {fails(code)}})
				err := c.do(t.Context(), s)
				var answer smithy.APIError
				if !errors.As(err, &answer) || answer.ErrorCode() != code {
					t.Fatalf("%s, %s: %v", c.name, code, err)
				}
				for _, port := range ports {
					if errors.Is(err, port) != (port == want) {
						t.Errorf("%s, %s: %v, want %v", c.name, code, err, want)
					}
				}
				if c.name != "get" && !strings.Contains(err.Error(), "stream bank-events") {
					t.Errorf("%s, %s does not name the stream: %v", c.name, code, err)
				}
			})
		}
	}
}

func TestTries(t *testing.T) {
	for _, c := range calls {
		for _, code := range []string{"InternalFailure", "LimitExceededException"} {
			synctest.Test(t, func(t *testing.T) {
				s, f := open(t, map[string][]reply{c.op: {fails(code)}})
				if err := c.do(t.Context(), s); err == nil || f.calls(c.op) != c.tries {
					t.Errorf("%s, %s: %d tries, want %d: %v", c.name, code, f.calls(c.op), c.tries, err)
				}
			})
		}
	}
}

func TestDeadlines(t *testing.T) {
	for _, c := range calls {
		for _, sooner := range []time.Duration{0, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				s, _ := open(t, map[string][]reply{c.op: {{hang: true}}})
				ctx, want, start := t.Context(), c.deadline, time.Now()
				if sooner > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, sooner)
					defer cancel()
					want = sooner
				}
				err := c.do(ctx, s)
				if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != want {
					t.Errorf("%s: after %v, want %v: %v", c.name, took, want, err)
				}
			})
		}
	}
}

func TestPutResults(t *testing.T) {
	s, f := open(t, map[string][]reply{"PutRecords": {ok(`{"FailedRecordCount":3,"Records":[
		{"ShardId":"shardId-1","SequenceNumber":"495"},
		{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded for shard"},
		{"ErrorCode":"KMSThrottlingException","ErrorMessage":"slow"},
		{"ErrorCode":"InternalFailure","ErrorMessage":"Internal Service Failure"}]}`)}})
	records := []stream.Record{{PartitionKey: "a", Data: []byte("1")}, {PartitionKey: "b"}, {PartitionKey: "c", Data: []byte{}}, {PartitionKey: "d", Data: []byte("4")}}
	got, err := s.Put(t.Context(), "bank-events", records)
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != (stream.PutResult{Shard: "shardId-1", Sequence: "495"}) {
		t.Errorf("the first: %+v", got[0])
	}
	for i, throttled := range []bool{false, true, true, false} {
		if errors.Is(got[i].Err, stream.ErrThrottled) != throttled || (got[i].Err == nil) != (i == 0) {
			t.Errorf("record %d: %v", i, got[i].Err)
		}
	}
	want := []any{
		map[string]any{"PartitionKey": "a", "Data": "MQ=="}, map[string]any{"PartitionKey": "b", "Data": ""},
		map[string]any{"PartitionKey": "c", "Data": ""}, map[string]any{"PartitionKey": "d", "Data": "NA=="},
	}
	if in := f.last("PutRecords"); in["StreamName"] != "bank-events" || !reflect.DeepEqual(in["Records"], want) {
		t.Errorf("sent: %v", in)
	}
	if _, err := s.Put(t.Context(), "bank-events", one); err == nil {
		t.Error("4 results for 1 record are accepted")
	}
	if _, err := s.Put(t.Context(), "bank-events", nil); !errors.Is(err, stream.ErrInvalid) || f.calls("PutRecords") != 2 {
		t.Errorf("no records: %v", err)
	}
}

func TestShards(t *testing.T) {
	const shard = `{"ShardId":"shardId-%d","HashKeyRange":{"StartingHashKey":"%d","EndingHashKey":"%s"},"SequenceNumberRange":{"StartingSequenceNumber":"1"%s}%s}`
	const top = "340282366920938463463374607431768211455"
	s, f := open(t, map[string][]reply{"ListShards": {
		ok(`{"NextToken":"more","Shards":[`+shard+`,`+shard+`]}`, 0, 0, top, `,"EndingSequenceNumber":"7"`, "", 1, 0, "9", "", `,"ParentShardId":"shardId-0"`),
		ok(`{"Shards":[`+shard+`]}`, 2, 10, top, "", `,"ParentShardId":"shardId-0","AdjacentParentShardId":"shardId-9"`),
		ok(`{"Shards":[`+shard+`]}`, 3, 10, "many", "", ""),
		ok(`{"Shards":[{"ShardId":"shardId-4"}]}`),
	}})
	got, err := s.Shards(t.Context(), "bank-events")
	if err != nil {
		t.Fatal(err)
	}
	last, _ := new(big.Int).SetString(top, 10)
	want := []stream.Shard{
		{ID: "shardId-0", FirstHash: big.NewInt(0), LastHash: last, Closed: true},
		{ID: "shardId-1", FirstHash: big.NewInt(0), LastHash: big.NewInt(9), Parents: []string{"shardId-0"}},
		{ID: "shardId-2", FirstHash: big.NewInt(10), LastHash: last, Parents: []string{"shardId-0", "shardId-9"}},
	}
	if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
		t.Errorf("shards %s\nwant %s", a, b)
	}
	if in := f.last("ListShards"); !reflect.DeepEqual(in, map[string]any{"NextToken": "more"}) {
		t.Errorf("the second page was asked for by %v", in)
	}
	for range 2 {
		if _, err := s.Shards(t.Context(), "bank-events"); err == nil {
			t.Error("a shard without a range is accepted")
		}
	}
}

func TestCreated(t *testing.T) {
	s, _ := open(t, map[string][]reply{"DescribeStreamSummary": {summary("ACTIVE")}})
	got, err := s.Created(t.Context(), "bank-events")
	if want := time.Unix(1795753982, 0).UTC(); err != nil || got != want {
		t.Errorf("created %v, want %v: %v", got, want, err)
	}
	if err := s.Check(t.Context(), "bank-events"); err != nil {
		t.Error(err)
	}
}

func TestEndpoint(t *testing.T) {
	if s, _ := open(t, nil); s.Endpoint() != awstest.FakeEndpoint {
		t.Errorf("endpoint %q", s.Endpoint())
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	if s := kinesisstream.New(aws.Config{Region: "eu-central-1"}); s.Endpoint() != "" {
		t.Errorf("AWS's own endpoint is %q", s.Endpoint())
	}
}
