package platform

import (
	"cmp"
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
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/kmswrap"
	"passbook/shared/stream/kinesisstream"
	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
)

const (
	// checkDeadline bounds Prepare, so that a program that cannot start says so soon.
	checkDeadline = 20 * time.Second
	// createDeadline bounds CreateResources: a table or stream takes up to a minute on AWS.
	createDeadline = 10 * time.Minute
	// connections is how many idle connections are kept to each service: one for each lane that may
	// wait for an answer.
	connections = 256
	// pingAfter is how long a connection may be silent before it is pinged, and how long the answer
	// may take.
	pingAfter = 3 * time.Second
)

// awsStore administers DynamoDB, Kinesis and S3, or the services at AWS_ENDPOINT_URL.
type awsStore struct {
	sdk       aws.Config
	log       *slog.Logger
	region    string
	prefix    string
	tables    *dynamotable.Table
	streams   *kinesisstream.Stream
	keys      *kmswrap.Wrapper
	archive   *s3bucket.Bucket // nil if the program does not use it
	mayLack   bool             // the archive, whose absence is reported only
	writes    []string         // the tables that the program puts rows into
	resources []string         // the streams' full names
	shards    func(stream string) int
}

// openAWS creates the clients from the settings of the SDK: AWS_REGION, AWS_PROFILE,
// AWS_ENDPOINT_URL, roles, files. It reads the credentials and calls no service.
func openAWS(ctx context.Context, c Config, r Resources, log *slog.Logger) (*Engine, error) {
	if r.Archive && c.Bucket == "" {
		return nil, c.invalid("Bucket", "is empty: name the S3 bucket of the archive")
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
	store := &awsStore{
		sdk: sdk, log: log, region: sdk.Region, prefix: c.Prefix, tables: tables, streams: kinesisstream.New(sdk), writes: r.Writes, shards: c.ShardsOf,
		keys: kmswrap.New(sdk, c.KeyName()),
	}
	for _, name := range r.Streams {
		store.resources = append(store.resources, c.Stream(name))
	}
	e := &Engine{Table: tables, Streams: store.streams, Keys: keywrap.Once(store.keys), Admin: store}
	e.Place = cmp.Or(tables.Endpoint(), store.region)
	e.Emulated = tables.Endpoint() != ""
	e.Descriptions = append(e.Descriptions,
		"DynamoDB  "+store.at(tables.Endpoint())+", tables "+c.Prefix+"*",
		"Kinesis   "+store.at(store.streams.Endpoint())+", streams "+c.Prefix+"*",
		"KMS       "+store.at(store.keys.Endpoint())+", key "+store.keys.Key())
	if r.Archive || r.ReadsArchive && c.Bucket != "" {
		store.archive, store.mayLack = s3bucket.New(sdk, c.Bucket), !r.Archive
		e.Bucket = store.archive
		e.Descriptions = append(e.Descriptions, "S3        "+store.at(store.archive.Endpoint())+", bucket "+c.Bucket)
	}
	return e, nil
}

// loadSDK reads the settings of the SDK and checks that there are credentials. Messages of the SDK
// go to the debug log.
func loadSDK(ctx context.Context, log *slog.Logger) (aws.Config, error) {
	messages := logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
		log.Debug("message of the AWS SDK", "text", fmt.Sprintf(format, args...))
	})
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.MaxIdleConns = connections, 0
		// All calls share one connection of HTTP/2: without pings a dead one would fail every call.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter}
	})
	sdk, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithHTTPClient(client), awsconfig.WithLogger(messages))
	if err != nil {
		return sdk, &UnusableError{What: oneLine("the AWS settings cannot be read: %v", err), Next: "correct AWS_PROFILE, or the files that it names", Err: err}
	}
	if sdk.Region == "" {
		return sdk, &UnusableError{What: "no AWS region is set", Next: "set AWS_REGION, or a region in the profile that AWS_PROFILE names"}
	}
	if endpoint := aws.ToString(sdk.BaseEndpoint); endpoint != "" {
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return sdk, &UnusableError{What: fmt.Sprintf("AWS_ENDPOINT_URL %q is not a URL", endpoint), Next: "write it as http://127.0.0.1:4566"}
		}
	}
	if _, err := sdk.Credentials.Retrieve(ctx); errors.Is(err, context.Canceled) {
		return sdk, fmt.Errorf("read the AWS credentials: %w", err)
	} else if err != nil {
		return sdk, &UnusableError{What: oneLine("no AWS credentials: %v", err), Next: adviceCredentials, Err: err}
	}
	return sdk, nil
}

// at describes where a service is, for people.
func (s *awsStore) at(endpoint string) string {
	if endpoint == "" {
		return "AWS " + s.region
	}
	return endpoint + " " + s.region
}

// Prepare implements Admin.
func (s *awsStore) Prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkDeadline)
	defer cancel()
	if err := s.tables.Check(ctx); err != nil {
		return s.Explain(err)
	}
	if err := s.checkWrites(ctx); err != nil {
		return s.Explain(err)
	}
	for _, name := range s.resources {
		if err := s.streams.Check(ctx, name); err != nil {
			return s.Explain(err)
		}
	}
	if s.archive != nil {
		err := s.archive.Check(ctx)
		if err != nil && s.mayLack {
			s.log.Warn("feeds cannot read the archive, and serve what the stream has", "error", s.Explain(err))
			return nil
		}
		if err != nil {
			return s.Explain(err)
		}
	}
	return nil
}

// checkWrites tries whether the program may put rows, so that it fails at its start and not at its
// first command. Any other failure is no reason not to start.
func (s *awsStore) checkWrites(ctx context.Context) error {
	for _, name := range s.writes {
		if err := table.ProbePut(ctx, s.tables, name); errors.Is(err, table.ErrRefused) {
			return err
		}
	}
	return nil
}

// CreateResources implements Admin.
func (s *awsStore) CreateResources(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	if err := s.tables.CreateTables(ctx); err != nil {
		return s.Explain(err)
	}
	for _, name := range s.resources {
		if err := s.streams.CreateStream(ctx, name, s.shards(name)); err != nil {
			return s.Explain(err)
		}
	}
	if s.archive != nil {
		if err := s.archive.CreateBucket(ctx); err != nil {
			return s.Explain(err)
		}
	}
	if err := s.keys.CreateKey(ctx); err != nil {
		return s.Explain(err)
	}
	return nil
}

// CreateStream implements Admin.
func (s *awsStore) CreateStream(ctx context.Context, name string) error {
	err := s.Explain(s.streams.CreateStream(ctx, name, s.shards(name)))
	if err == nil {
		return nil
	}
	var unusable *UnusableError
	if errors.As(err, &unusable) && unusable.Next == adviceRights && !s.granted(name) {
		unusable.Next = fmt.Sprintf(adviceStream, s.prefix, name)
	}
	return fmt.Errorf("create stream %s: %w", name, err)
}

// granted reports whether deploy/template.yaml lets a job create the stream and write to it.
func (s *awsStore) granted(name string) bool {
	own, ok := strings.CutPrefix(name, s.prefix)
	return ok && (own == "copy" || strings.HasPrefix(own, "copy.")) || slices.Contains(s.resources, name)
}

// RenewStream implements Admin. It always fails: only a stream that was restored from a copy needs
// to be renewed, and no stream of Kinesis is.
func (s *awsStore) RenewStream(_ context.Context, name string) error {
	return fmt.Errorf("renew stream %s: %w", name, &UnusableError{
		What: "a stream of Kinesis cannot be renewed, and never gives out a sequence number twice", Next: "start the bank",
	})
}

// Snapshot implements Admin.
func (s *awsStore) Snapshot(context.Context) (*Snapshot, error) {
	return nil, fmt.Errorf("%w: a backup is of a data directory; on AWS the tables have point-in-time recovery and the bucket has versions", ErrConfig)
}

// RaiseFormat implements Admin.
func (s *awsStore) RaiseFormat(context.Context) error { return nil }

// Close implements Admin. The clients have nothing to close.
func (s *awsStore) Close() error { return nil }
