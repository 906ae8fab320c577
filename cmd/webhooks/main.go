// Command webhooks sends the events of a bank to the webhooks of its tenants, and serves their
// endpoints. Any number may run beside each other.
package main

import "passbook/cmd/internal/programs/webhooks"

// version is set by the linker.
var version = "dev"

func main() { webhooks.Main(version) }
