package serve

import (
	"crypto/tls"
	"fmt"
	"net"

	"passbook/shared/admission"
	"passbook/shared/certificate"
	"passbook/shared/platform"
)

// openTLS opens the certificate that the API presents, and follows its files while the process
// serves. Without one, keys and tokens that come from other machines are readable on their way.
func (p *Process) openTLS() error {
	if p.Config.TLSCert == "" {
		if at, ok := p.listener.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
			p.Log.Warn("the API takes keys and tokens from other machines without TLS: name --tls-cert and --tls-key, unless a proxy in front of it speaks TLS", "listen", p.Config.Listen)
		}
		return nil
	}
	pair, err := certificate.Open(p.Config.TLSCert, p.Config.TLSKey, p.Log)
	if err != nil {
		return fmt.Errorf("%w: --tls-cert, --tls-key (PASSBOOK_TLS_CERT, PASSBOOK_TLS_KEY): %w", platform.ErrConfig, err)
	}
	pair.Report(p.Registry)
	p.certificate = pair
	p.Go(UntilCallers, "TLS certificate", pair.Run)
	return nil
}

// tls returns the configuration of the API's listener, nil if it speaks no TLS.
func (p *Process) tls() *tls.Config {
	if p.certificate == nil {
		return nil
	}
	return p.certificate.Config()
}

// rates returns what bounds the requests of each principal, nil if nothing does.
func (p *Process) rates() *admission.Rates {
	rate, burst := p.Config.Rate, p.Config.Burst
	if rate == 0 {
		return nil
	}
	if burst == 0 {
		burst = 2 * rate
	}
	return admission.NewRates(rate, burst)
}
