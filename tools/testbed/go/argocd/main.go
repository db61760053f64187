// Command argocd is the part of Argo CD that syncs and heals: its application
// controller, its ApplicationSet controller and its repo server in one binary,
// and no more, since each other component makes the build longer. The command
// is chosen by the name the binary is called by.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

// Built on demand: constructing one registers metrics, and two of them in one
// process would clash.
var commands = map[string]func() *cobra.Command{
	"argocd-application-controller":    controller.NewCommand,
	"argocd-applicationset-controller": applicationset.NewCommand,
	"argocd-repo-server":               reposerver.NewCommand,
}

func main() {
	newCommand, known := commands[filepath.Base(os.Args[0])]
	if !known {
		fmt.Fprintln(os.Stderr, "call it argocd-application-controller, argocd-applicationset-controller or argocd-repo-server")
		os.Exit(2)
	}
	if newCommand().Execute() != nil {
		os.Exit(1)
	}
}
