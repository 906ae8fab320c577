package serve

import (
	"context"
	"fmt"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/affinity"
	"passbook/shared/api"
	"passbook/shared/journal"
	"passbook/shared/platform"
)

// listenPeers binds the listener for commands of other writers and puts its address into the
// writer's row. A process that has the stores alone has no other writers.
func (p *Process) listenPeers(ctx context.Context, c *journal.Config) (err error) {
	if p.engine.Exclusive || p.config.PeerListen == platform.PeersOff {
		return nil
	}
	listen := p.config.PeerListen
	if listen == "" {
		host, _, err := net.SplitHostPort(p.config.Listen)
		if err != nil {
			return fmt.Errorf("--listen (PASSBOOK_LISTEN): %w", err)
		}
		listen = net.JoinHostPort(host, "0")
	}
	if p.peers, err = new(net.ListenConfig).Listen(ctx, "tcp", listen); err != nil {
		return fmt.Errorf("--peer-listen (PASSBOOK_PEER_LISTEN): %w", err)
	}
	if c.Address = p.config.PeerAddress; c.Address == "" {
		c.Address = reachable(p.peers.Addr().(*net.TCPAddr))
	}
	if c.Address == "" {
		p.log.Warn("no address of this machine is known, so other writers send it no commands; --peer-address names one")
	}
	c.Secret = affinity.NewSecret()
	return nil
}

// fitPeers fits the two ways of commands between writers: this one's to the writers of their
// accounts, and others' to this one. Both services' commands are known here whichever of them has
// routes, since an account has one writer for all of its commands.
func (p *Process) fitPeers(secret string, metrics prometheus.Registerer) error {
	if p.peers == nil {
		return nil
	}
	client := affinity.NewClient()
	p.forwarder = affinity.New(affinity.Config{Fleet: p.journal.Fleet, Send: client.Send, Metrics: metrics, Log: p.log})
	operations := append(p.withdraw.Operations(), p.withdraw.ExpireOperation())
	server, err := affinity.NewServer(p.peers, secret, api.NewDesk(append(operations, p.credit.Operations()...)...), p.log)
	if err != nil {
		return err
	}
	p.asking = append(p.asking, part{"listener for other writers", func(ctx context.Context) error {
		defer client.Close()
		return server.Run(ctx)
	}})
	return nil
}

// reachable is where another machine reaches a listener: its own address, or, for one on every
// interface, this machine's first that is not for itself alone. It is empty where there is none.
func reachable(at *net.TCPAddr) string {
	if !at.IP.IsUnspecified() {
		return at.String()
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	best := net.IP(nil)
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if ok && n.IP.IsGlobalUnicast() && (best == nil || best.To4() == nil && n.IP.To4() != nil) {
			best = n.IP
		}
	}
	if best == nil {
		return ""
	}
	return (&net.TCPAddr{IP: best, Port: at.Port}).String()
}
