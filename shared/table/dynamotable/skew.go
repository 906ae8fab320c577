package dynamotable

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// dateResolution is the resolution of an HTTP Date.
const dateResolution = time.Second

// Skew implements table.Table. It is measured by the Date header of the last answer, of a success
// or a failure, and 0 before the first. It is the least skew that explains the Date and the
// duration of the call, so that a slow network is not taken for a skew.
func (t *Table) Skew() time.Duration { return time.Duration(t.skew.Load()) }

// measureSkew measures the skew by the answer of each attempt. The client's own measurement covers
// only calls that succeed.
func (t *Table) measureSkew(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("MeasureSkew", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		sent := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		date, dated := awsmiddleware.GetServerTime(metadata)
		answered, timed := awsmiddleware.GetResponseAt(metadata)
		if dated && timed {
			t.skew.Store(int64(skew(sent, answered, date)))
		}
		return out, metadata, err
	}), middleware.Before)
}

// skew returns how far the store's clock must at least be ahead (or, below 0, behind) to read date
// at some time between sent and answered.
func skew(sent, answered, date time.Time) time.Duration {
	earliest, latest := date.Sub(answered), date.Add(dateResolution).Sub(sent)
	return max(earliest, min(latest, 0))
}
