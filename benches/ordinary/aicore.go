package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// How long a request to AI Core or its authorization server may take: as long as the product's.
const requestTimeout = 15 * time.Second

// aiCore is AI Core as the holder of one service key sees it.
type aiCore struct {
	apiURL string
	// http gets tokens by client credentials, keeps one until it expires, and sends it along.
	http *http.Client
}

// newAICore reads a service binding with flat keys, as the SAP BTP service operator writes it by default.
func newAICore(key *corev1.Secret, transport http.RoundTripper) (*aiCore, error) {
	var urls struct {
		API string `json:"AI_API_URL"`
	}
	if err := json.Unmarshal(key.Data["serviceurls"], &urls); err != nil {
		return nil, errors.New("serviceurls is not JSON")
	}
	for name, value := range map[string]string{
		"clientid": string(key.Data["clientid"]), "clientsecret": string(key.Data["clientsecret"]),
		"url": string(key.Data["url"]), "serviceurls.AI_API_URL": urls.API,
	} {
		if value == "" {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	credentials := clientcredentials.Config{
		ClientID:     string(key.Data["clientid"]),
		ClientSecret: string(key.Data["clientsecret"]),
		TokenURL:     strings.TrimSuffix(string(key.Data["url"]), "/") + "/oauth/token",
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	// The source outlives the reconciliation that makes it.
	tokens := context.WithValue(context.Background(), oauth2.HTTPClient,
		&http.Client{Transport: transport, Timeout: requestTimeout})
	return &aiCore{
		apiURL: strings.TrimSuffix(strings.TrimSuffix(urls.API, "/"), "/v2"),
		http: &http.Client{
			Transport: &oauth2.Transport{Source: credentials.TokenSource(tokens), Base: transport},
			Timeout:   requestTimeout,
		},
	}, nil
}

type registrySecret struct {
	Name string            `json:"name,omitempty"`
	Data map[string]string `json:"data"`
}

// push changes the secret, or creates it when there is none.
func (a *aiCore) push(ctx context.Context, name, dockerConfig string) error {
	const collection = "/v2/admin/dockerRegistrySecrets"
	secret := registrySecret{Data: map[string]string{corev1.DockerConfigJsonKey: dockerConfig}}
	status, err := a.send(ctx, http.MethodPatch, collection+"/"+url.PathEscape(name), "application/merge-patch+json", secret)
	if status == http.StatusNotFound {
		secret.Name = name
		_, err = a.send(ctx, http.MethodPost, collection, "application/json", secret)
	}
	return err
}

func (a *aiCore) send(ctx context.Context, method, path, contentType string, body registrySecret) (int, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, method, a.apiURL+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := a.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	// Read to its end, so that the connection is used again.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return 0, err
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("AI Core answered %s with %s", method, response.Status)
	}
	return response.StatusCode, nil
}

// clients has an aiCore for each service key that was used, and makes it anew when the key has changed.
type clients struct {
	transport http.RoundTripper
	mutex     sync.Mutex
	entries   map[types.NamespacedName]*clientEntry
}

type clientEntry struct {
	mutex   sync.Mutex
	version string
	client  *aiCore
}

func newClients(workers int) *clients {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Of AI Core and its authorization servers; the default of two for each host would close most connections after a request.
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = workers
	return &clients{transport: transport, entries: map[types.NamespacedName]*clientEntry{}}
}

// of returns the client for this version of a service key; read is called when it has not been seen yet.
func (c *clients) of(name types.NamespacedName, version string, read func() (*corev1.Secret, error)) (*aiCore, error) {
	c.mutex.Lock()
	entry, found := c.entries[name]
	if !found {
		entry = &clientEntry{}
		c.entries[name] = entry
	}
	c.mutex.Unlock()

	entry.mutex.Lock()
	defer entry.mutex.Unlock()
	if entry.client == nil || entry.version != version {
		key, err := read()
		if err != nil {
			return nil, err
		}
		client, err := newAICore(key, c.transport)
		if err != nil {
			return nil, &invalid{reason: "ServiceKeyInvalid", message: fmt.Sprintf("Secret %s: %s", name, err)}
		}
		entry.client, entry.version = client, version
	}
	return entry.client, nil
}
