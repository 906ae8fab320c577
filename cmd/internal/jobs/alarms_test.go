package jobs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// alarm is one of the template's, on one metric or on an expression over some.
type alarm struct {
	MetricName string `yaml:"MetricName"`
	Metrics    []struct {
		ID         string `yaml:"Id"`
		Expression string `yaml:"Expression"`
		MetricStat struct {
			Metric struct {
				MetricName string `yaml:"MetricName"`
			} `yaml:"Metric"`
		} `yaml:"MetricStat"`
	} `yaml:"Metrics"`
	Threshold          string `yaml:"Threshold"`
	ComparisonOperator string `yaml:"ComparisonOperator"`
	EvaluationPeriods  int    `yaml:"EvaluationPeriods"`
	DatapointsToAlarm  int    `yaml:"DatapointsToAlarm"`
	TreatMissingData   string `yaml:"TreatMissingData"`
}

// reading is the value of a metric in a period; nil if AWS has none.
type reading *float64

// selects returns the query of an alarm over all operations of a table.
var selects = regexp.MustCompile(`^SELECT SUM\((\w+)\) FROM .* WHERE TableName = '\$\{Prefix\}(\w+)'$`)

// look returns what the alarm compares with its threshold, given the metrics of AWS.
func (a alarm) look(t *testing.T, told map[string]float64) reading {
	t.Helper()
	get := func(metric string) reading {
		if v, ok := told[metric]; ok {
			return &v
		}
		return nil
	}
	if a.MetricName != "" {
		return get(a.MetricName)
	}
	series := map[string]reading{}
	var last reading
	for _, m := range a.Metrics {
		switch query := selects.FindStringSubmatch(strings.TrimSpace(m.Expression)); {
		case m.Expression == "":
			series[m.ID] = get(m.MetricStat.Metric.MetricName)
		case query != nil:
			last = get(query[1])
		default:
			e, err := parser.ParseExpr(m.Expression)
			if err != nil {
				t.Fatalf("%s: %v", m.Expression, err)
			}
			last = compute(t, e, series)
		}
	}
	return last
}

// compute does metric math as far as the template uses it. A sum or product with a missing value is
// missing; in a comparison it is 0, unless neither side has a value.
func compute(t *testing.T, e ast.Expr, series map[string]reading) reading {
	t.Helper()
	switch e := e.(type) {
	case *ast.Ident:
		v, ok := series[e.Name]
		if !ok {
			t.Fatalf("no metric %s", e.Name)
		}
		return v
	case *ast.BasicLit:
		return number(t, e.Value)
	case *ast.ParenExpr:
		return compute(t, e.X, series)
	case *ast.CallExpr:
		if name, ok := e.Fun.(*ast.Ident); ok && name.Name == "IF" && len(e.Args) == 3 {
			condition := compute(t, e.Args[0], series)
			switch {
			case condition == nil:
				return nil
			case *condition != 0:
				return compute(t, e.Args[1], series)
			}
			return compute(t, e.Args[2], series)
		}
	case *ast.BinaryExpr:
		return apply(t, e.Op, compute(t, e.X, series), compute(t, e.Y, series))
	}
	t.Fatalf("an expression that this test does not judge: %T", e)
	return nil
}

func apply(t *testing.T, op token.Token, x, y reading) reading {
	t.Helper()
	if x == nil && y == nil || op != token.GTR && (x == nil || y == nil) {
		return nil
	}
	var a, b, v float64
	if x != nil {
		a = *x
	}
	if y != nil {
		b = *y
	}
	switch op {
	case token.SUB:
		v = a - b
	case token.MUL:
		v = a * b
	case token.QUO:
		v = a / b
	case token.GTR:
		if a > b {
			v = 1
		}
	default:
		t.Fatalf("an operator that this test does not judge: %v", op)
	}
	return &v
}

func number(t *testing.T, text string) reading {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestAlarmsSayWhatIsWrong(t *testing.T) {
	c := loadTemplate(t)
	alarms := each[alarm](t, c, "AWS::CloudWatch::Alarm")
	const (
		records, reads, age                   = "IncomingRecords", "GetRecords.Success", "GetRecords.IteratorAgeMilliseconds"
		puts, refused, failed                 = "PutRequests", "4xxErrors", "5xxErrors"
		throttledWrites, throttledReads, slow = "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded", "ThrottledRequests"
	)
	for name, tt := range map[string]struct {
		told map[string]float64
		want string
	}{
		"a new stack":                {nil, ""},
		"readers of a new stack":     {map[string]float64{reads: 600, age: 0}, ""},
		"everybody works":            {map[string]float64{records: 300000, reads: 600, age: 200, puts: 5, refused: 0, failed: 0}, ""},
		"a segment was there":        {map[string]float64{records: 300, reads: 600, age: 200, puts: 20, refused: 1}, "RefusedArchive"},
		"every put is refused":       {map[string]float64{records: 300, reads: 600, age: 200, puts: 140, refused: 140}, "RefusedArchive SilentArchiver"},
		"the archiver never started": {map[string]float64{records: 300, reads: 600, age: 200}, "SilentArchiver"},
		"the archiver has stopped":   {map[string]float64{records: 300, reads: 600, age: 200, puts: 0, refused: 0}, "SilentArchiver"},
		"nobody reads":               {map[string]float64{records: 1, puts: 5, refused: 0}, "SilentReaders"},
		"nobody is there":            {map[string]float64{records: 1}, "SilentArchiver SilentReaders"},
		"a reader is behind":         {map[string]float64{records: 300, reads: 600, age: 60_001, puts: 20, refused: 0}, "LaggingReader"},
		"a day without commands":     {map[string]float64{reads: 600, age: 0, puts: 0, refused: 0}, ""},
		"S3 fails":                   {map[string]float64{puts: 5, refused: 0, failed: 1}, "ArchiveErrors"},
		"a record is foreign":        {map[string]float64{"${Prefix}ForeignRecords": 1}, "ForeignRecords"},
		"none is foreign":            {map[string]float64{"${Prefix}ForeignRecords": 0}, ""},
		"a shard is full":            {map[string]float64{throttledWrites: 0.02, throttledReads: 0.05}, "ThrottledNotifications ThrottledWrites"},
		"a shard is read too often":  {map[string]float64{throttledReads: 0.2}, "ThrottledReads"},
		"a table refuses for load": {
			map[string]float64{slow: 11}, "BalanceThrottles ControlThrottles CreditLimitThrottles JournalThrottles",
		},
		"a table fails": {
			map[string]float64{"SystemErrors": 1}, "BalanceErrors ControlErrors CreditLimitErrors JournalErrors",
		},
	} {
		var raised []string
		for alarm, a := range alarms {
			threshold := a.Threshold
			if parameter := strings.Trim(threshold, "${}"); parameter != threshold {
				threshold = c.Parameters[parameter].Default
			}
			v := a.look(t, tt.told)
			if v == nil && a.TreatMissingData == "breaching" || v != nil && *v > *number(t, threshold) {
				raised = append(raised, strings.TrimSuffix(alarm, "Alarm"))
			}
		}
		slices.Sort(raised)
		if got := strings.Join(raised, " "); got != tt.want {
			t.Errorf("%s: alarms %q, want %q", name, got, tt.want)
		}
	}
	for name, a := range alarms {
		if a.ComparisonOperator != "GreaterThanThreshold" {
			t.Errorf("%s: %s is not judged here", name, a.ComparisonOperator)
		}
	}
	// S3 tells its metrics late: an alarm that needs every period would wait for the newest.
	if a := alarms["SilentArchiverAlarm"]; a.DatapointsToAlarm == 0 || a.DatapointsToAlarm >= a.EvaluationPeriods {
		t.Errorf("SilentArchiverAlarm needs %d of %d periods", a.DatapointsToAlarm, a.EvaluationPeriods)
	}
}
