package healthcheck

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
)

// within bounds the request. It is shorter than the timeout of HEALTHCHECK in the Dockerfile, so
// that the reason is in the log of the engine.
const within = 4 * time.Second

// maxShown bounds what is shown of an answer.
const maxShown = 4 << 10

// command is the command line.
type command struct {
	Listen  *string `name:"listen" placeholder:"HOST:PORT" help:"Where the process listens [${listen}]."`
	TLSCert *string `name:"tls-cert" placeholder:"FILE" help:"Its certificate: asks by HTTPS."`
	TLSKey  *string `name:"tls-key" placeholder:"FILE" help:"Its key, as the process has it."`
}

// Vars returns what the help texts refer to.
func (*command) Vars() map[string]string { return map[string]string{"listen": "127.0.0.1:8080"} }

// Help returns what follows the flags in the help.
func (*command) Help() string {
	return "Exit code 0 means ready, 1 not ready. Each flag is also a variable of the process: --listen is PASSBOOK_LISTEN.\n\nExample:\n\n  healthcheck --listen 127.0.0.1:8081"
}

// Main runs the program. It does not return.
func Main(version string) { cli.Main(version, nil, run) }

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, t *cli.Terminal) int {
	return cli.Run(ctx, "healthcheck", "Ask the process on this machine whether it is ready.", &command{}, args, t)
}

// Run asks.
func (c *command) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(c)
	if err != nil { // Docker has no meaning for other codes than 0 and 1
		return cli.Fail(cli.ExitFailed, err, "correct the flag or the variable")
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	scheme := "http://"
	if config.TLSCert != "" {
		scheme = "https://"
	}
	return ask(ctx, scheme+local(config.Listen)+"/readyz")
}

// local returns where a listener is reached from this machine: at the loopback address, if it
// listens on all addresses.
func local(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// ask reports why the process at url is not ready, or nil. It does not check who answers: the
// certificate is not for the loopback address, and nothing is sent that is a secret.
func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{
		Proxy: nil, DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true},
	}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxShown))
	if err != nil {
		return fmt.Errorf("%s answers %s, and then: %w", url, response.Status, err)
	}
	return fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(text)))
}
