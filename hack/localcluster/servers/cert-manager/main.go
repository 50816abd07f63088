// Cert-manager without a pod: the controllers of its module that self-signed certificates need, at the API server of a
// kubeconfig. Its own program is in a module that is not published.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

const workers = 2

func main() {
	options := controller.ContextOptions{KubernetesAPIQPS: 50, KubernetesAPIBurst: 100}
	flag.StringVar(&options.Kubeconfig, "kubeconfig", "", "path of the kubeconfig")
	flag.StringVar(&options.Namespace, "namespace", "", "the only namespace to look at")
	address := flag.String("address", "", "where to listen once all controllers have been started")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options, *address); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, options controller.ContextOptions, address string) error {
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	controllers := map[string]controller.Interface{}
	for name, build := range controller.Known() {
		if controllers[name], err = build(factory); err != nil {
			return err
		}
	}
	// All controllers share the informers, which start when each has said which ones it needs.
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	var running sync.WaitGroup
	for name, each := range controllers {
		running.Go(func() {
			if err := each.Run(workers, ctx); err != nil {
				log.Fatalf("%s: %v", name, err)
			}
		})
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	running.Wait()
	return nil
}
