package glue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"passbook/shared/eventtable"
)

// The parameters of a table of Iceberg in Glue.
const (
	typeParameter     = "table_type"
	icebergType       = "ICEBERG"
	metadataParameter = "metadata_location"
	previousParameter = "previous_metadata_location"
)

const (
	// within bounds a call of Point.
	within = 30 * time.Second
	// tries is how often Point begins again, as others change the table at the same time.
	tries = 5
)

// ErrOthers means that Glue names a version that is not one of the table's.
var ErrOthers = errors.New("another program has committed through Glue, or made a table of that name: name another table")

// Catalog is a table of Glue.
type Catalog struct {
	client          *glue.Client
	database, table string
}

// placePattern is what the name of a table looks like.
var placePattern = regexp.MustCompile(`^([a-z0-9_]{1,255})\.([a-z0-9_]{1,255})$`)

// Open returns the table of a name, DATABASE.TABLE. It calls no service.
func Open(ctx context.Context, place string) (*Catalog, error) {
	config, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("glue: read the AWS settings: %w", err)
	}
	return New(config, place)
}

// New does what Open does, with a configuration.
func New(config aws.Config, place string) (*Catalog, error) {
	name := placePattern.FindStringSubmatch(place)
	if name == nil {
		return nil, fmt.Errorf("glue: %q is not DATABASE.TABLE, of a-z, 0-9 and _", place)
	}
	return &Catalog{glue.NewFromConfig(config), name[1], name[2]}, nil
}

// Point points the table of Glue to a version, unless it is at a later one. It makes the table if
// it is missing; the database has to be there.
func (c *Catalog) Point(ctx context.Context, to eventtable.Version) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var err error
	for range tries {
		var again bool
		again, err = c.point(ctx, to)
		if !again {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("point %s.%s of Glue to %s: %w", c.database, c.table, to.Metadata, err)
	}
	return nil
}

// point does it once. again says that another process changed the table at the same time.
func (c *Catalog) point(ctx context.Context, to eventtable.Version) (again bool, err error) {
	found, err := c.client.GetTable(ctx, &glue.GetTableInput{DatabaseName: &c.database, Name: &c.table})
	var missing *types.EntityNotFoundException
	if errors.As(err, &missing) {
		_, err = c.client.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: &c.database, TableInput: c.input(to, nil)})
		var exists *types.AlreadyExistsException
		return errors.As(err, &exists), err
	}
	if err != nil {
		return false, err
	}
	at := found.Table.Parameters[metadataParameter]
	number, known := versionNumber(at, to.Location)
	wanted, ours := versionNumber(to.Metadata, to.Location)
	switch {
	case !ours:
		return false, fmt.Errorf("%s is not below %s", to.Metadata, to.Location)
	case found.Table.Parameters[typeParameter] != icebergType || !known:
		return false, fmt.Errorf("%w: it is at %q", ErrOthers, at)
	case number >= wanted:
		return false, nil
	}
	_, err = c.client.UpdateTable(ctx, &glue.UpdateTableInput{
		DatabaseName: &c.database, TableInput: c.input(to, found.Table.Parameters), VersionId: found.Table.VersionId, SkipArchive: aws.Bool(true),
	})
	var changed *types.ConcurrentModificationException
	return errors.As(err, &changed), err
}

// input describes the table at a version, given the parameters that it has.
func (c *Catalog) input(to eventtable.Version, before map[string]string) *types.TableInput {
	parameters := map[string]string{}
	maps.Copy(parameters, before)
	if at := before[metadataParameter]; at != "" {
		parameters[previousParameter] = at
	}
	parameters[typeParameter], parameters[metadataParameter] = icebergType, to.Metadata
	var columns []types.Column
	for _, column := range to.Columns {
		columns = append(columns, types.Column{Name: aws.String(column.Name), Type: aws.String(column.Type)})
	}
	return &types.TableInput{
		Name: &c.table, TableType: aws.String("EXTERNAL_TABLE"), Parameters: parameters,
		StorageDescriptor: &types.StorageDescriptor{Location: aws.String(to.Location), Columns: columns},
	}
}

// versionNumber returns the number of a version from the URL of its metadata, if it is one of the
// table at a location.
func versionNumber(metadata, location string) (int, bool) {
	name, below := strings.CutPrefix(metadata, location+"/metadata/v")
	digits, whole := strings.CutSuffix(name, ".metadata.json")
	n, err := strconv.Atoi(digits)
	return n, below && whole && err == nil
}
