package trace

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// ErrConfig is returned for a variable of OpenTelemetry that cannot be used. Its text names the
// variable and the values that can.
var ErrConfig = errors.New("wrong setting")

// settings are what the variables of OpenTelemetry say.
type settings struct {
	// on says that spans are exported.
	on bool
	// endpoint is where to, without a password, for people: the library reads the variable itself.
	endpoint string
	// requests decides about spans of requests; entries decides about an entry's, by its trace id
	// alone, so that every process decides alike.
	requests, entries sdk.Sampler
	// queue is how many spans wait for the exporter at most.
	queue int64
}

// maxQueue bounds the spans that may wait: their places are made at the start.
const maxQueue = 1_000_000

// What OpenTelemetry specifies: how many spans wait for the exporter, and where an exporter that is
// asked for sends them to.
const (
	defaultQueue    = 2048
	defaultEndpoint = "http://localhost:4318"
)

// variables returns the value of a variable, without spaces around it.
type variables func(name string) string

// first returns the first of the variables that is set, and its value.
func (v variables) first(names ...string) (name, value string) {
	for _, name = range names {
		if value = v(name); value != "" {
			return name, value
		}
	}
	return name, ""
}

// read reads the variables. Without an endpoint, and without an exporter that is asked for, nothing
// is exported.
func read(get func(string) string) (s settings, err error) {
	v := variables(func(name string) string { return strings.TrimSpace(get(name)) })
	exporter := strings.ToLower(v("OTEL_TRACES_EXPORTER"))
	if exporter != "" && exporter != "otlp" && exporter != "none" {
		return s, fmt.Errorf("%w: OTEL_TRACES_EXPORTER %q: use otlp or none", ErrConfig, exporter)
	}
	name, endpoint := v.first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	if exporter == "none" || strings.EqualFold(v("OTEL_SDK_DISABLED"), "true") || endpoint == "" && exporter == "" {
		return settings{}, nil
	}
	s.on, s.queue, s.endpoint = true, defaultQueue, cmp.Or(endpoint, defaultEndpoint)
	at, err := url.Parse(s.endpoint)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return s, fmt.Errorf("%w: %s is no address of a collector: use a URL such as %s", ErrConfig, name, defaultEndpoint)
	}
	s.endpoint = at.Redacted()
	name, protocol := v.first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if protocol != "" && protocol != "http/protobuf" {
		return s, fmt.Errorf("%w: %s %q: traces are exported by http/protobuf, which collectors take at port 4318", ErrConfig, name, protocol)
	}
	if text := v("OTEL_BSP_MAX_QUEUE_SIZE"); text != "" {
		if s.queue, err = strconv.ParseInt(text, 10, 32); err != nil || s.queue < 1 || s.queue > maxQueue {
			return s, fmt.Errorf("%w: OTEL_BSP_MAX_QUEUE_SIZE %q: use a number of spans from 1 to %d", ErrConfig, text, maxQueue)
		}
	}
	s.requests, s.entries, err = samplers(strings.ToLower(v("OTEL_TRACES_SAMPLER")), v("OTEL_TRACES_SAMPLER_ARG"))
	return s, err
}

// samplers returns the sampler of requests, which may follow their caller, and that of entries,
// which have none.
func samplers(name, arg string) (requests, entries sdk.Sampler, err error) {
	root, parentBased := strings.CutPrefix(name, "parentbased_")
	switch root {
	case "":
		if parentBased {
			return nil, nil, unknownSampler(name)
		}
		parentBased, entries = true, sdk.AlwaysSample()
	case "always_on":
		entries = sdk.AlwaysSample()
	case "always_off":
		entries = sdk.NeverSample()
	case "traceidratio":
		ratio := 1.0
		if arg != "" {
			if ratio, err = strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
				return nil, nil, fmt.Errorf("%w: OTEL_TRACES_SAMPLER_ARG %q: use a share from 0 to 1, such as 0.01", ErrConfig, arg)
			}
		}
		entries = sdk.TraceIDRatioBased(ratio)
	default:
		return nil, nil, unknownSampler(name)
	}
	if requests = entries; parentBased {
		requests = sdk.ParentBased(entries)
	}
	return requests, entries, nil
}

func unknownSampler(name string) error {
	return fmt.Errorf("%w: OTEL_TRACES_SAMPLER %q: use always_on, always_off or traceidratio, with or without parentbased_ before it", ErrConfig, name)
}
