// Package v1alpha1 has the fields of the resources that this operator uses; the CRDs are those of the product.
//
// +kubebuilder:object:generate=true
// +groupName=aicore-registry.dev
package v1alpha1

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.21.0 object paths=.

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of the resources.
var GroupVersion = schema.GroupVersion{Group: "aicore-registry.dev", Version: "v1alpha1"}

// AddToScheme makes the resources known to clients and caches.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&AICoreRegistrySecret{}, &AICoreRegistrySecretList{}, &AICoreTenant{}, &AICoreTenantList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// AICoreRegistrySecret keeps one docker registry secret of AI Core equal to the credential in a Secret.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
type AICoreRegistrySecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AICoreRegistrySecretSpec   `json:"spec"`
	Status AICoreRegistrySecretStatus `json:"status,omitempty"`
}

// AICoreRegistrySecretSpec says what is sent, and where.
type AICoreRegistrySecretSpec struct {
	// SecretRef names the Secret with the registry credential, in the same namespace.
	SecretRef LocalReference `json:"secretRef"`
	// AICoreSecretRef names the Secret with the service key, in the same namespace. Either this or TenantRef.
	AICoreSecretRef *LocalReference `json:"aiCoreSecretRef,omitempty"`
	// TenantRef names an AICoreTenant that shares its service key.
	TenantRef *LocalReference `json:"tenantRef,omitempty"`
	// RemoteName is the name in AI Core; the resource's own without it.
	RemoteName string `json:"remoteName,omitempty"`
	// Suspend stops everything.
	Suspend bool `json:"suspend,omitempty"`
}

// LocalReference is the name of an object.
type LocalReference struct {
	Name string `json:"name"`
}

// AICoreRegistrySecretStatus says what AI Core has accepted.
type AICoreRegistrySecretStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	RemoteName         string             `json:"remoteName,omitempty"`
	APIURL             string             `json:"apiURL,omitempty"`
	// SecretResourceVersion is the version of the credential that was sent last.
	SecretResourceVersion string `json:"secretResourceVersion,omitempty"`
	// AICoreSecretResourceVersion is the version of the service key with which it was sent.
	AICoreSecretResourceVersion string       `json:"aiCoreSecretResourceVersion,omitempty"`
	LastSyncTime                *metav1.Time `json:"lastSyncTime,omitempty"`
}

// AICoreRegistrySecretList is a list of AICoreRegistrySecrets.
//
// +kubebuilder:object:root=true
type AICoreRegistrySecretList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []AICoreRegistrySecret `json:"items"`
}

// AICoreTenant shares the service key of a tenant with namespaces that do not see it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
type AICoreTenant struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec AICoreTenantSpec `json:"spec"`
}

// AICoreTenantSpec says which key is shared, and with whom.
type AICoreTenantSpec struct {
	SecretRef         NamespacedReference `json:"secretRef"`
	AllowedNamespaces []string            `json:"allowedNamespaces"`
}

// NamespacedReference is the name of an object in any namespace.
type NamespacedReference struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// AICoreTenantList is a list of AICoreTenants.
//
// +kubebuilder:object:root=true
type AICoreTenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []AICoreTenant `json:"items"`
}
