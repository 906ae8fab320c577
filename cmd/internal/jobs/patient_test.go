package jobs

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/fault"
	"passbook/shared/table"
)

func TestAJobWaitsForATableThatIsOverloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := standing(t)
		faulty := fault.NewTable(b.Table)
		patient := patientTable{faulty}
		put := table.Put{Table: Models[0], Row: table.Row{Key: table.Key{PK: "a", SK: "-"}}, If: table.Absent()}
		busy := faulty.Arm(&fault.Rule{Before: table.ErrThrottled}, 10)
		if err := patient.Put(t.Context(), put); err != nil || busy.Fired() != 10 {
			t.Errorf("after %d refusals: %v", busy.Fired(), err)
		}
		other := errors.New("other")
		faulty.Arm(&fault.Rule{Before: other}, 1)
		if err := patient.Transact(t.Context(), []table.Put{put}); !errors.Is(err, other) {
			t.Errorf("what may have happened is not repeated: %v", err)
		}
		faulty.Arm(&fault.Rule{Before: table.ErrThrottled}, 1<<30)
		began := time.Now()
		if err := patient.Put(t.Context(), put); !errors.Is(err, table.ErrThrottled) || time.Since(began) > patience+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
