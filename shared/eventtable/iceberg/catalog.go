package iceberg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"passbook/shared/bucket"
)

// directory is the directory of the table in its bucket.
const directory = "events"

const (
	metadataDir    = "metadata/"
	metadataPrefix = "v"
	metadataSuffix = ".metadata.json"
)

// catalog finds and replaces the newest metadata of the table.
type catalog struct {
	bucket bucket.Bucket
	// location is the URL of the table's directory.
	location string
}

func (c catalog) files(ctx context.Context) files { return files{ctx, c.bucket, c.location} }

// name returns the name of a version's metadata, below the table's location.
func name(version int) string {
	return metadataDir + metadataPrefix + strconv.Itoa(version) + metadataSuffix
}

// newest returns the newest version of the metadata, 0 if there is no table.
func (c catalog) newest(ctx context.Context) (newest int, err error) {
	all, err := c.versions(ctx)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1], nil
}

// versions returns the versions of the metadata that are there, in order.
func (c catalog) versions(ctx context.Context) (all []int, err error) {
	prefix := path.Join(directory, metadataDir) + "/" + metadataPrefix
	for after := ""; ; {
		page, err := c.bucket.List(ctx, prefix, after)
		if err != nil {
			return nil, fmt.Errorf("list the table's versions: %w", err)
		}
		for _, o := range page.Objects {
			version, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), metadataSuffix))
			if err == nil && strings.HasSuffix(o.Key, metadataSuffix) {
				all = append(all, version)
			}
		}
		after = page.After
		if after == "" {
			slices.Sort(all)
			return all, nil
		}
	}
}

// LoadTable returns the newest version of the table.
func (c catalog) LoadTable(ctx context.Context, of table.Identifier) (*table.Table, error) {
	version, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	return c.load(ctx, of, version)
}

func (c catalog) load(ctx context.Context, of table.Identifier, version int) (*table.Table, error) {
	t, err := table.NewFromLocation(ctx, of, c.location+"/"+name(version), c.open, c)
	if err != nil {
		return nil, fmt.Errorf("read version %d of the table: %w", version, err)
	}
	return t, nil
}

// table returns a version of the table.
func (c catalog) table(of table.Identifier, m table.Metadata, location string) *table.Table {
	return table.New(of, m, location, c.open, c)
}

func (c catalog) open(ctx context.Context) (icebergio.IO, error) { return c.files(ctx), nil }

// CommitTable creates the version of the table that has the updates, if the newest one meets the
// requirements and no other was created since.
func (c catalog) CommitTable(ctx context.Context, of table.Identifier, required []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	version, err := c.newest(ctx)
	if err != nil {
		return nil, "", err
	}
	current, err := c.load(ctx, of, version)
	if err != nil {
		return nil, "", err
	}
	for _, r := range required {
		err = r.Validate(current.Metadata())
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
		}
	}
	next, err := table.UpdateTableMetadata(current.Metadata(), updates, current.MetadataLocation())
	if err != nil {
		return nil, "", err
	}
	err = c.create(ctx, version+1, next)
	return next, c.location + "/" + name(version+1), err
}

// create creates a version of the table. It matches table.ErrCommitFailed if there is one.
func (c catalog) create(ctx context.Context, version int, m table.Metadata) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	err = c.bucket.Create(ctx, path.Join(directory, name(version)), text)
	if errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("%w: version %d: %w", table.ErrCommitFailed, version, err)
	}
	return err
}

// begin creates the first version of the table.
func (c catalog) begin(ctx context.Context, buckets int) error {
	spec := partitions(buckets)
	order, err := sorted()
	if err != nil {
		return err
	}
	m, err := table.NewMetadata(schema(), &spec, order, c.location, iceberg.Properties{
		table.PropertyFormatVersion: "2", table.CommitNumRetriesKey: "0", "owner": "passbook",
	})
	if err != nil {
		return err
	}
	return c.create(ctx, 1, m)
}
