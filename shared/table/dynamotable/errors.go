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

// The errors of a deployment whose tables are not what the program needs. No repetition helps.
var (
	// ErrNoTable: a table is not there, on this endpoint and in this region. It is a
	// table.ErrRefused.
	ErrNoTable error = noTable{}
	// ErrLayout: a table's key or an index is not as the schema says.
	ErrLayout = errors.New("another layout")
)

// noTable is the type of ErrNoTable.
type noTable struct{}

// Error is the fixed text.
func (noTable) Error() string { return "no table" }

// Is makes it a table.ErrRefused.
func (noTable) Is(target error) bool { return target == table.ErrRefused }

// kinds are the port's errors by DynamoDB's codes. With each of them nothing was written; after any
// other code, such as InternalServerError, that is not known.
var kinds = map[string]error{
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

// reasons are the port's errors by the codes that cancel a transaction, the one that decides before
// the others: a condition that fails, and a put that cannot be done, are final, whatever else stood
// in the way.
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

// failed wraps the SDK's error with operation, tables and, where there is one, the port's error.
func (t *Table) failed(op string, err error, tables ...string) error {
	var names []string
	for _, name := range tables {
		if full := t.prefix + name; !slices.Contains(names, full) {
			names = append(names, full)
		}
	}
	op += " " + strings.Join(names, ", ")
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", op, kind, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

func kindOf(err error) error {
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return kindOfReasons(cancelled.CancellationReasons)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return kinds[api.ErrorCode()]
	}
	return nil
}

// kindOfReasons reads why a transaction was cancelled: one reason for each put, in the order of the
// puts.
func kindOfReasons(given []types.CancellationReason) error {
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
