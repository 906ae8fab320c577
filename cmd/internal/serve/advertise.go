package serve

import (
	"net"
	"os"

	"passbook/shared/discovery"
	"passbook/shared/origin"
	"passbook/shared/platform"
)

// Advertise has the console find this process, from Run on until the process is told to end. It is
// called after Listen.
func (p *Process) Advertise(keeper *origin.Keeper) {
	if p.Config.Advertise == platform.AdvertiseOff {
		return
	}
	self := p.reached()
	if self.API == "" {
		p.Log.Warn("no address of this machine is known, so the console does not find this process; name one with --advertise")
		return
	}
	beats := discovery.NewHeartbeat(p.Engine.Table, keeper, self, p.Log)
	p.Go(UntilCallers, "row of this process", beats.Run)
	p.OnDrain(beats.Leave)
}

// reached returns this process as the console reaches it; without an API if nobody can.
func (p *Process) reached() discovery.Process {
	self := discovery.Process{Service: p.Name, Instance: p.instance(), Version: p.Version, Started: p.began}
	// without a name, addresses of the loopback interface are of no use
	self.Host, _ = os.Hostname()
	address := p.Config.Advertise
	if address == "" {
		address = Reachable(p.listener.Addr().(*net.TCPAddr))
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return self
	}
	self.API = p.scheme() + address
	if at, ok := p.metrics.(*net.TCPAddr); ok {
		self.Metrics = at.String()
		if _, port, err := net.SplitHostPort(self.Metrics); err == nil && at.IP.IsUnspecified() {
			self.Metrics = net.JoinHostPort(host, port)
		}
	}
	return self
}

// Reachable returns where another machine reaches a listener: its own address, or for one on every
// interface, this machine's first address that other machines can reach. It is empty where there is
// none.
func Reachable(at *net.TCPAddr) string {
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
