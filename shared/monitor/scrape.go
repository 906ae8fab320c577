package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxScrape is the most bytes of metrics that are read of a process.
const maxScrape = 4 << 20

// Scrape returns what reads the metrics that a process serves at host:port.
func Scrape(client *http.Client, address string) func(ctx context.Context) ([]*dto.MetricFamily, error) {
	return func(ctx context.Context) ([]*dto.MetricFamily, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { _ = response.Body.Close() }() // it was read
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("GET http://%s/metrics answers %s", address, response.Status)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		limited := &io.LimitedReader{R: response.Body, N: maxScrape + 1}
		families, err := parser.TextToMetricFamilies(limited)
		if limited.N == 0 {
			return nil, fmt.Errorf("the metrics at %s have more than %d bytes", address, maxScrape)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the metrics at %s cannot be read", address), err)
		}
		return slices.Collect(maps.Values(families)), nil
	}
}
