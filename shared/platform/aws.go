package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"passbook/shared/bucket/s3bucket"
	"passbook/shared/stream/kinesisstream"
	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
)

const (
	// checkDeadline bounds the look at what is there, so that a program that cannot start says so
	// soon.
	checkDeadline = 20 * time.Second
	// createDeadline bounds the making of everything: tables and streams take up to a minute each
	// on AWS.
	createDeadline = 10 * time.Minute
	// connections is how many idle connections are kept to each service: as many lanes as wait for
	// an answer at once.
	connections = 256
	// pingAfter is how long a connection may be silent before it is asked whether it lives, and how
	// long the answer may take.
	pingAfter = 3 * time.Second
)

// awsStore is DynamoDB, Kinesis and S3, or what AWS_ENDPOINT_URL puts in their place.
type awsStore struct {
	region    string
	prefix    string
	tables    *dynamotable.Table
	streams   *kinesisstream.Stream
	archive   *s3bucket.Bucket // nil where it is not asked for
	writes    []string         // the tables that the program puts rows into
	resources []string         // the streams' full names
	shards    func(stream string) int
}

// openAWS makes the clients as the SDK's own settings say: AWS_REGION, AWS_PROFILE,
// AWS_ENDPOINT_URL, roles, files. It reads the credentials, and calls none of the services.
func openAWS(ctx context.Context, c Config, r Resources, log *slog.Logger) (*Engine, error) {
	if r.Archive && c.Bucket == "" {
		return nil, c.refuse("Bucket", "is empty: name the S3 bucket of the archive")
	}
	ctx, cancel := context.WithTimeout(ctx, checkDeadline)
	defer cancel()
	sdk, err := loadSDK(ctx, log)
	if err != nil {
		return nil, err
	}
	tables, err := dynamotable.New(sdk, c.Prefix, r.Tables...)
	if err != nil {
		return nil, fmt.Errorf("describe the tables: %w", err)
	}
	store := &awsStore{region: sdk.Region, prefix: c.Prefix, tables: tables, streams: kinesisstream.New(sdk), writes: r.Writes, shards: c.ShardsOf}
	for _, name := range r.Streams {
		store.resources = append(store.resources, c.Stream(name))
	}
	e := &Engine{Table: tables, Streams: store.streams, store: store}
	e.Where = append(e.Where,
		"DynamoDB  "+store.at(tables.Endpoint())+", tables "+c.Prefix+"*",
		"Kinesis   "+store.at(store.streams.Endpoint())+", streams "+c.Prefix+"*")
	if r.Archive {
		store.archive = s3bucket.New(sdk, c.Bucket)
		e.Bucket = store.archive
		e.Where = append(e.Where, "S3        "+store.at(store.archive.Endpoint())+", bucket "+c.Bucket)
	}
	return e, nil
}

// loadSDK reads the SDK's settings and proves that there are credentials. What the SDK has to say
// besides its errors goes to the log.
func loadSDK(ctx context.Context, log *slog.Logger) (aws.Config, error) {
	says := logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
		log.Debug("the AWS SDK says", "text", fmt.Sprintf(format, args...))
	})
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.MaxIdleConns = connections, 0
		// A connection of HTTP/2 is shared by all calls: one that is dead has to be found out, or
		// every call would try it in vain.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter}
	})
	sdk, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithHTTPClient(client), awsconfig.WithLogger(says))
	if err != nil {
		return sdk, &UnusableError{What: oneLine("the AWS settings cannot be read: %v", err), Next: "correct AWS_PROFILE, or the files that it names", Err: err}
	}
	if sdk.Region == "" {
		return sdk, &UnusableError{What: "no AWS region is set", Next: "set AWS_REGION, or a region in the profile that AWS_PROFILE names"}
	}
	if endpoint := aws.ToString(sdk.BaseEndpoint); endpoint != "" {
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return sdk, &UnusableError{What: fmt.Sprintf("AWS_ENDPOINT_URL %q is no address", endpoint), Next: "write it as http://127.0.0.1:4566"}
		}
	}
	if _, err := sdk.Credentials.Retrieve(ctx); errors.Is(err, context.Canceled) {
		return sdk, fmt.Errorf("read the AWS credentials: %w", err)
	} else if err != nil {
		return sdk, &UnusableError{What: oneLine("no AWS credentials: %v", err), Next: adviceCredentials, Err: err}
	}
	return sdk, nil
}

// at says where a service is.
func (s *awsStore) at(endpoint string) string {
	if endpoint == "" {
		return "AWS " + s.region
	}
	return endpoint + " " + s.region
}

func (s *awsStore) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkDeadline)
	defer cancel()
	if err := s.tables.Check(ctx); err != nil {
		return s.explain(err)
	}
	if err := s.checkWrites(ctx); err != nil {
		return s.explain(err)
	}
	for _, name := range s.resources {
		if err := s.streams.Check(ctx, name); err != nil {
			return s.explain(err)
		}
	}
	if s.archive != nil {
		if err := s.archive.Check(ctx); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

// checkWrites tries whether the program may put rows, so that it says so now and not at its first
// command. No other answer is a reason not to start.
func (s *awsStore) checkWrites(ctx context.Context) error {
	for _, name := range s.writes {
		if err := table.Try(ctx, s.tables, name); errors.Is(err, table.ErrRefused) {
			return err
		}
	}
	return nil
}

func (s *awsStore) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	if err := s.tables.CreateTables(ctx); err != nil {
		return s.explain(err)
	}
	for _, name := range s.resources {
		if err := s.streams.CreateStream(ctx, name, s.shards(name)); err != nil {
			return s.explain(err)
		}
	}
	if s.archive != nil {
		if err := s.archive.CreateBucket(ctx); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

func (s *awsStore) createStream(ctx context.Context, name string) error {
	err := s.explain(s.streams.CreateStream(ctx, name, s.shards(name)))
	var unusable *UnusableError
	if errors.As(err, &unusable) && unusable.Next == adviceRights && !s.granted(name) {
		unusable.Next = fmt.Sprintf(adviceStream, s.prefix, name)
	}
	return err
}

// granted says whether deploy/template.yaml lets a job make the stream and write to it.
func (s *awsStore) granted(name string) bool {
	own, ok := strings.CutPrefix(name, s.prefix)
	return ok && (own == "copy" || strings.HasPrefix(own, "copy.")) || slices.Contains(s.resources, name)
}

// renewStream is for a stream that was put back from a copy, which no stream of Kinesis can be.
func (s *awsStore) renewStream(context.Context, string) error {
	return &UnusableError{What: "Kinesis gives no sequence number out twice: its streams need no new life", Next: "start the bank"}
}

func (s *awsStore) close() error { return nil }
