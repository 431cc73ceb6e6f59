package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"aicore-registry.dev/benches/ordinary/api/v1alpha1"
)

// Indexes of the caches.
const (
	// Of AICoreRegistrySecrets: the names of both Secrets that they may name.
	bySecret = "secrets"
	// Of AICoreRegistrySecrets: the AICoreTenant.
	byTenant = "tenant"
	// Of AICoreTenants: namespace and name of the service key.
	byServiceKey = "serviceKey"
)

const ready = "Ready"

// invalid is what retrying does not mend: a person changes a Secret or the resource, and that wakes the resource.
type invalid struct {
	reason, message string
}

func (i *invalid) Error() string { return i.message }

type reconciler struct {
	client.Client
	// secrets reads whole Secrets: from the cache, or from the API server when the cache has their metadata alone.
	secrets      client.Reader
	metadataOnly bool
	workers      int
	clients      *clients
	recorder     events.EventRecorder
}

func newReconciler(manager ctrl.Manager, metadataOnly bool, workers int) *reconciler {
	secrets := client.Reader(manager.GetClient())
	if metadataOnly {
		secrets = manager.GetAPIReader()
	}
	return &reconciler{
		Client:       manager.GetClient(),
		secrets:      secrets,
		metadataOnly: metadataOnly,
		workers:      workers,
		clients:      newClients(workers),
		recorder:     manager.GetEventRecorder("ordinary"),
	}
}

func (r *reconciler) setup(ctx context.Context, manager ctrl.Manager) error {
	indexer := manager.GetFieldIndexer()
	if err := errors.Join(
		indexer.IndexField(ctx, &v1alpha1.AICoreRegistrySecret{}, bySecret, secretsOf),
		indexer.IndexField(ctx, &v1alpha1.AICoreRegistrySecret{}, byTenant, tenantOf),
		indexer.IndexField(ctx, &v1alpha1.AICoreTenant{}, byServiceKey, serviceKeyOf),
	); err != nil {
		return err
	}
	watched := []builder.WatchesOption{builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})}
	if r.metadataOnly {
		watched = append(watched, builder.OnlyMetadata)
	}
	return ctrl.NewControllerManagedBy(manager).
		For(&v1alpha1.AICoreRegistrySecret{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.ofSecret), watched...).
		Watches(&v1alpha1.AICoreTenant{}, handler.EnqueueRequestsFromMapFunc(r.ofTenant),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.workers}).
		Complete(r)
}

func secretsOf(object client.Object) []string {
	spec := object.(*v1alpha1.AICoreRegistrySecret).Spec
	names := []string{spec.SecretRef.Name}
	if spec.AICoreSecretRef != nil && spec.AICoreSecretRef.Name != spec.SecretRef.Name {
		names = append(names, spec.AICoreSecretRef.Name)
	}
	return names
}

func tenantOf(object client.Object) []string {
	if tenant := object.(*v1alpha1.AICoreRegistrySecret).Spec.TenantRef; tenant != nil {
		return []string{tenant.Name}
	}
	return nil
}

func serviceKeyOf(object client.Object) []string {
	key := object.(*v1alpha1.AICoreTenant).Spec.SecretRef
	return []string{key.Namespace + "/" + key.Name}
}

// ofSecret finds the resources that a Secret is to wake: those that name it, and those whose tenant does.
func (r *reconciler) ofSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	requests := r.requests(ctx, client.InNamespace(secret.GetNamespace()), client.MatchingFields{bySecret: secret.GetName()})
	var tenants v1alpha1.AICoreTenantList
	key := secret.GetNamespace() + "/" + secret.GetName()
	if err := r.List(ctx, &tenants, client.MatchingFields{byServiceKey: key}); err != nil {
		log.FromContext(ctx).Error(err, "cannot list AICoreTenants")
	}
	for index := range tenants.Items {
		requests = append(requests, r.ofTenant(ctx, &tenants.Items[index])...)
	}
	return requests
}

func (r *reconciler) ofTenant(ctx context.Context, tenant client.Object) []reconcile.Request {
	return r.requests(ctx, client.MatchingFields{byTenant: tenant.GetName()})
}

func (r *reconciler) requests(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	var resources v1alpha1.AICoreRegistrySecretList
	// What the cache holds is only read here.
	if err := r.List(ctx, &resources, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		log.FromContext(ctx).Error(err, "cannot list AICoreRegistrySecrets")
	}
	requests := make([]reconcile.Request, 0, len(resources.Items))
	for index := range resources.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&resources.Items[index])})
	}
	return requests
}

// Reconcile sends the credential of a resource when it, the service key or the resource has changed since it was sent.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var resource v1alpha1.AICoreRegistrySecret
	if err := r.Get(ctx, request.NamespacedName, &resource); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if resource.Spec.Suspend || !resource.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := resource.DeepCopy()
	sent, err := r.sync(ctx, &resource)
	if !sent && err == nil {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, errors.Join(permanent(err), r.report(ctx, before, &resource, err))
}

// sync sends the credential where that is needed, and notes in the status what was sent; it says whether anything was.
func (r *reconciler) sync(ctx context.Context, resource *v1alpha1.AICoreRegistrySecret) (bool, error) {
	sourceName := types.NamespacedName{Namespace: resource.Namespace, Name: resource.Spec.SecretRef.Name}
	keyName, err := r.serviceKey(ctx, resource)
	if err != nil {
		return false, err
	}
	sourceVersion, err := r.version(ctx, sourceName)
	if err != nil {
		return false, err
	}
	keyVersion, err := r.version(ctx, keyName)
	if err != nil {
		return false, err
	}
	status := &resource.Status
	if status.ObservedGeneration == resource.Generation && status.SecretResourceVersion == sourceVersion &&
		status.AICoreSecretResourceVersion == keyVersion && meta.IsStatusConditionTrue(status.Conditions, ready) {
		return false, nil
	}
	source, err := r.secret(ctx, sourceName)
	if err != nil {
		return false, err
	}
	dockerConfig, err := dockerConfigOf(source)
	if err != nil {
		return false, err
	}
	aiCore, err := r.clients.of(keyName, keyVersion, func() (*corev1.Secret, error) { return r.secret(ctx, keyName) })
	if err != nil {
		return false, err
	}
	name := resource.Spec.RemoteName
	if name == "" {
		name = resource.Name
	}
	if err := aiCore.push(ctx, name, dockerConfig); err != nil {
		return false, err
	}
	now := metav1.Now()
	status.RemoteName, status.APIURL, status.LastSyncTime = name, aiCore.apiURL, &now
	status.SecretResourceVersion, status.AICoreSecretResourceVersion = source.ResourceVersion, keyVersion
	log.FromContext(ctx).Info("sent", "remoteName", name)
	return true, nil
}

// report writes the status, once, and an event when the resource has become ready or has ceased to be.
func (r *reconciler) report(ctx context.Context, before, resource *v1alpha1.AICoreRegistrySecret, err error) error {
	condition := metav1.Condition{Type: ready, Status: metav1.ConditionTrue, Reason: "Synced",
		Message: "AI Core has the credential", ObservedGeneration: resource.Generation}
	kind := corev1.EventTypeNormal
	if err != nil {
		kind = corev1.EventTypeWarning
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "SyncFailed", err.Error()
		if wrong, ok := errors.AsType[*invalid](err); ok {
			condition.Reason = wrong.reason
		}
	}
	resource.Status.ObservedGeneration = resource.Generation
	meta.SetStatusCondition(&resource.Status.Conditions, condition)
	if equality.Semantic.DeepEqual(before.Status, resource.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, resource, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !meta.IsStatusConditionPresentAndEqual(before.Status.Conditions, ready, condition.Status) {
		r.recorder.Eventf(resource, nil, kind, condition.Reason, "Sync", "%s", condition.Message)
	}
	return nil
}

// permanent keeps the queue from trying again what retrying does not mend.
func permanent(err error) error {
	if _, wrong := errors.AsType[*invalid](err); wrong {
		return reconcile.TerminalError(err)
	}
	return err
}

// serviceKey is the name of the Secret with the service key, the resource's own or that of its tenant.
func (r *reconciler) serviceKey(ctx context.Context, resource *v1alpha1.AICoreRegistrySecret) (types.NamespacedName, error) {
	if own := resource.Spec.AICoreSecretRef; own != nil {
		return types.NamespacedName{Namespace: resource.Namespace, Name: own.Name}, nil
	}
	if resource.Spec.TenantRef == nil {
		return types.NamespacedName{}, &invalid{reason: "SpecInvalid", message: "neither aiCoreSecretRef nor tenantRef is set"}
	}
	name := resource.Spec.TenantRef.Name
	var tenant v1alpha1.AICoreTenant
	if err := r.Get(ctx, types.NamespacedName{Name: name}, &tenant); err != nil {
		if apierrors.IsNotFound(err) {
			err = &invalid{reason: "TenantNotFound", message: fmt.Sprintf("there is no AICoreTenant %s", name)}
		}
		return types.NamespacedName{}, err
	}
	if !slices.Contains(tenant.Spec.AllowedNamespaces, resource.Namespace) {
		message := fmt.Sprintf("AICoreTenant %s does not allow the namespace %s", name, resource.Namespace)
		return types.NamespacedName{}, &invalid{reason: "TenantNotAllowed", message: message}
	}
	return types.NamespacedName{Namespace: tenant.Spec.SecretRef.Namespace, Name: tenant.Spec.SecretRef.Name}, nil
}

// version is the resourceVersion of a Secret in the cache.
func (r *reconciler) version(ctx context.Context, name types.NamespacedName) (string, error) {
	object := client.Object(&corev1.Secret{})
	if r.metadataOnly {
		metadata := &metav1.PartialObjectMetadata{}
		metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		object = metadata
	}
	err := r.Get(ctx, name, object)
	return object.GetResourceVersion(), orMissing(name, err)
}

func (r *reconciler) secret(ctx context.Context, name types.NamespacedName) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := r.secrets.Get(ctx, name, &secret)
	return &secret, orMissing(name, err)
}

func orMissing(name types.NamespacedName, err error) error {
	if apierrors.IsNotFound(err) {
		return &invalid{reason: "SecretNotFound", message: fmt.Sprintf("there is no Secret %s", name)}
	}
	return err
}

func dockerConfigOf(secret *corev1.Secret) (string, error) {
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	data := secret.Data[corev1.DockerConfigJsonKey]
	if err := json.Unmarshal(data, &config); err != nil || len(config.Auths) == 0 {
		message := fmt.Sprintf("Secret %s/%s: %s has no auths", secret.Namespace, secret.Name, corev1.DockerConfigJsonKey)
		return "", &invalid{reason: "SecretInvalid", message: message}
	}
	return string(data), nil
}
