// The node's container registry:  registry FOLDER OPEN-ADDRESS PRIVATE-ADDRESS USER PASSWORD
//
// Both addresses serve the same images; the private one asks for the user (HTTP basic authentication). Layers are kept in the
// folder, names and manifests in memory.
package main

import (
	"crypto/subtle"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: registry FOLDER OPEN-ADDRESS PRIVATE-ADDRESS USER PASSWORD")
		os.Exit(2)
	}
	images := registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(os.Args[1])),
		registry.Logger(log.New(os.Stderr, "", log.LstdFlags)),
	)
	failed := make(chan error)
	go func() { failed <- http.ListenAndServe(os.Args[2], images) }()
	go func() { failed <- http.ListenAndServe(os.Args[3], private(images, os.Args[4], os.Args[5])) }()
	log.Fatal(<-failed)
}

// private lets only requests of the user through.
func private(images http.Handler, user, password string) http.Handler {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		givenUser, givenPassword, given := request.BasicAuth()
		if !given || !same(givenUser, user) || !same(givenPassword, password) {
			answer.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			http.Error(answer, `{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(answer, request)
	})
}
