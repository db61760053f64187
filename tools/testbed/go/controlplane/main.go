// Command controlplane is etcd, kube-apiserver, kube-controller-manager and
// kubectl in one binary. Tests run it without a container engine. The command
// is chosen by the name the binary is called by, or else by the first argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// cobraCommands are built on demand: constructing one registers global flags
// and metrics, and two of them in one process would clash.
var cobraCommands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	if !known(name) && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	if !known(name) {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|kube-controller-manager|kubectl [flags]")
		os.Exit(2)
	}
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command := cobraCommands[name]()
	if name == "kubectl" {
		cmdutil.CheckErr(cli.RunNoErrOutput(command)) // exits with kubectl's own codes
		return
	}
	os.Exit(cli.Run(command))
}

func known(name string) bool {
	_, isCobra := cobraCommands[name]
	return isCobra || name == "etcd"
}
