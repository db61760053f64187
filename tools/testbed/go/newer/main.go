// Command newer is a kube-apiserver one minor release ahead of the testbed's
// control plane: its kinds have fields that our client library has never seen.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
}
