package serve

import (
	"context"

	"passbook/cmd/internal/cli"
	"passbook/shared/platform"
	"passbook/shared/telemetry/trace"
)

// openTracer opens the exporter of traces that the process's environment asks for. It is closed
// last, so that the spans of the end are exported too.
func (p *Process) openTracer(ctx context.Context) (err error) {
	p.Tracer, err = trace.Open(ctx, trace.Config{
		Service: p.Name, Version: p.Version, Instance: p.instance(), OnAWS: p.Config.Store == platform.AWS, Log: p.Log, Metrics: p.Registry,
	})
	if err != nil {
		return wrongTraces(err)
	}
	if p.Tracer != nil {
		p.OnClose("export of traces", p.Tracer.Close)
		p.Log.Info("traces are exported", "endpoint", p.Tracer.Endpoint)
	}
	return nil
}

// wrongTraces explains a variable that cannot be used.
func wrongTraces(err error) error {
	return cli.Fail(cli.ExitUsage, err, "set OTEL_SDK_DISABLED=true to start without traces")
}
