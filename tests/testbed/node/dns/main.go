// CoreDNS with the plugins that a cluster's name server needs. The released program has some forty more, and with them the
// clients of several clouds.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() {
	// The order in which a query goes through them.
	dnsserver.Directives = []string{"health", "ready", "errors", "hosts", "kubernetes"}
	coremain.Run()
}
