package dynamotable

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// dateResolution is what an HTTP Date cuts off.
const dateResolution = time.Second

// Skew implements table.Table: from the Date of the last answer, good or bad, of any call. It is 0
// before the first, and as exact as a Date and the time that the answer took allow: the least skew
// that explains both, so that a slow network is none.
func (t *Table) Skew() time.Duration { return time.Duration(t.skew.Load()) }

// measureSkew looks at each attempt's answer. The client's own measure is there only for calls that
// succeed.
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

// skew is how far the store's clock must at least be ahead (or, below 0, behind) to have said date
// at some time between sent and answered.
func skew(sent, answered, date time.Time) time.Duration {
	earliest, latest := date.Sub(answered), date.Add(dateResolution).Sub(sent)
	return max(earliest, min(latest, 0))
}
