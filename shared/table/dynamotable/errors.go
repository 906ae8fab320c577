package dynamotable

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"passbook/shared/table"
)

// The errors of a deployment whose tables do not fit the schemas. No repetition helps.
var (
	// ErrNoTable: a table does not exist at this endpoint and in this region. It matches
	// table.ErrRefused.
	ErrNoTable error = noTable{}
	// ErrLayout: the key or an index of a table differs from its schema.
	ErrLayout = errors.New("another layout")
)

// noTable is the type of ErrNoTable.
type noTable struct{}

// Error returns a fixed text.
func (noTable) Error() string { return "no table" }

// Is makes it match table.ErrRefused.
func (noTable) Is(target error) bool { return target == table.ErrRefused }

// portErrors maps the error codes of DynamoDB to the errors of the port. After each of these codes
// nothing was written; after any other, such as InternalServerError, that is unknown.
var portErrors = map[string]error{
	"ConditionalCheckFailedException": table.ErrConditionFailed,

	"TransactionConflictException":     table.ErrConflict,
	"TransactionInProgressException":   table.ErrConflict,
	"ReplicatedWriteConflictException": table.ErrConflict,

	"ProvisionedThroughputExceededException": table.ErrThrottled,
	"RequestLimitExceeded":                   table.ErrThrottled,
	"LimitExceededException":                 table.ErrThrottled,
	"ThrottlingException":                    table.ErrThrottled,
	"Throttling":                             table.ErrThrottled,

	"ValidationException": table.ErrInvalid,

	"ResourceNotFoundException": ErrNoTable,

	"AccessDeniedException":               table.ErrRefused,
	"ExpiredTokenException":               table.ErrRefused,
	"InvalidSignatureException":           table.ErrRefused,
	"UnrecognizedClientException":         table.ErrRefused,
	"IncompleteSignatureException":        table.ErrRefused,
	"MissingAuthenticationTokenException": table.ErrRefused,
}

// reasons maps the codes that cancel a transaction to the errors of the port, in order of
// precedence: a failed condition and an invalid put are final, and so win over a conflict or a
// throttle.
var reasons = []struct {
	code string
	kind error
}{
	{"ConditionalCheckFailed", table.ErrConditionFailed},
	{"ValidationError", table.ErrInvalid},
	{"AccessDenied", table.ErrRefused},
	{"TransactionConflict", table.ErrConflict},
	{"ProvisionedThroughputExceeded", table.ErrThrottled},
	{"ThrottlingError", table.ErrThrottled},
}

// failed wraps an error of the SDK with the operation, the tables and, if there is one, the error
// of the port.
func (t *Table) failed(op string, err error, tables ...string) error {
	var names []string
	for _, name := range tables {
		if full := t.prefix + name; !slices.Contains(names, full) {
			names = append(names, full)
		}
	}
	op += " " + strings.Join(names, ", ")
	if kind := portError(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", op, kind, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

func portError(err error) error {
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return portErrorOfReasons(cancelled.CancellationReasons)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return portErrors[api.ErrorCode()]
	}
	return nil
}

// portErrorOfReasons returns the error of the port for a cancelled transaction. The reasons are one
// for each put, in the order of the puts.
func portErrorOfReasons(given []types.CancellationReason) error {
	for _, r := range reasons {
		for i, g := range given {
			if aws.ToString(g.Code) != r.code {
				continue
			}
			if r.kind == table.ErrConditionFailed {
				return &table.TransactError{Index: i}
			}
			return r.kind
		}
	}
	return nil
}
