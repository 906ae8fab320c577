package writeside

import (
	"context"
	"fmt"
	"net"

	"passbook/cmd/internal/serve"
	"passbook/shared/affinity"
	"passbook/shared/api"
	"passbook/shared/origin"
	"passbook/shared/platform"
)

// peers is where other writers send commands. The zero value is a process to which none does.
type peers struct {
	listener net.Listener
	// address and secret go into the writer's row: where others reach the listener, and what they
	// must know to be let in.
	address, secret string
}

// listen binds the listener for commands of other writers. A process that has the stores alone has
// no other writers.
func listen(ctx context.Context, p *serve.Process) (others peers, err error) {
	if p.Engine.Exclusive || p.Config.PeerListen == platform.PeersOff {
		return others, nil
	}
	at := p.Config.PeerListen
	if at == "" {
		host, _, err := net.SplitHostPort(p.Config.Listen)
		if err != nil {
			return others, fmt.Errorf("--listen (PASSBOOK_LISTEN): %w", err)
		}
		at = net.JoinHostPort(host, "0")
	}
	if others.listener, err = p.Bind(ctx, "--peer-listen (PASSBOOK_PEER_LISTEN)", at); err != nil {
		return others, err
	}
	if others.address = p.Config.PeerAddress; others.address == "" {
		others.address = serve.Reachable(others.listener.Addr().(*net.TCPAddr))
	}
	if others.address == "" {
		p.Log.Warn("no address of this machine is known, so other writers cannot send commands here; name one with --peer-address")
	}
	others.secret = affinity.NewSecret()
	return others, nil
}

// connect connects the two ways of commands between writers: from here to the writers of their
// accounts, and from other writers to the listener.
func (w *Writer) connect(p *serve.Process, keeper *origin.Keeper, others peers) error {
	if others.listener == nil {
		return nil
	}
	client := affinity.NewClient(keeper)
	w.Forwarder = affinity.New(affinity.Config{Fleet: w.Journal.Fleet, Send: client.Send, Metrics: p.Registry, Log: p.Log})
	operations := append(w.Withdraw.Operations(), w.Withdraw.ExpireOperation())
	server, err := affinity.NewServer(others.listener, others.secret, keeper, api.NewReceiver(append(operations, w.Credit.Operations()...)...), p.Tracer, p.Log)
	if err != nil {
		return err
	}
	p.Go(serve.UntilCallers, "listener for other writers", func(ctx context.Context) error {
		defer client.Close()
		return server.Run(ctx)
	})
	return nil
}
