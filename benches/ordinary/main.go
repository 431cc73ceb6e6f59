// An operator as a competent engineer would write it in an afternoon with controller-runtime, for the benchmark to stand beside
// the product: kubebuilder's shape, informers, a work queue, a status with conditions. It is meant to be good at what both do,
// and leaves out what such an operator would not have at first: deletion in AI Core, proof of claims and conflicts, quotas,
// pacing of tenants, holds, resyncs, X.509 keys, the many forms of registry Secrets and service keys.
//
// What its author would have looked up is set: no limit of client-go on requests to the API server (controller-runtime's
// default), as many workers as the product has, as many idle connections to AI Core as workers, caches without managedFields,
// one token source for each service key, no work for a resource whose status says that its Secrets are the ones that were sent.
// All else is controller-runtime's default: its priority queue, its backoff, its metrics.
//
// With --secrets=cached the informer holds whole Secrets, which is what mgr.GetClient() does when nobody thinks about it. With
// --secrets=metadata it holds their metadata alone, and a Secret is read from the API server when it is to be sent.
package main

import (
	"flag"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"aicore-registry.dev/benches/ordinary/api/v1alpha1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ordinary:", err)
		os.Exit(1)
	}
}

func run() error {
	secrets := flag.String("secrets", "cached", "what is cached of Secrets: cached (all of them) or metadata")
	workers := flag.Int("max-concurrent-reconciles", 32, "resources that are reconciled at once")
	metrics := flag.String("metrics-bind-address", "127.0.0.1:0", "where metrics are served")
	flag.Parse()
	if *secrets != "cached" && *secrets != "metadata" {
		return fmt.Errorf("--secrets=%s: neither cached nor metadata", *secrets)
	}
	ctrl.SetLogger(zap.New())

	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: *metrics},
		Cache:   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return err
	}
	context := ctrl.SetupSignalHandler()
	reconciler := newReconciler(manager, *secrets == "metadata", *workers)
	if err := reconciler.setup(context, manager); err != nil {
		return err
	}
	return manager.Start(context)
}
