// Judges Kubernetes objects as Flux does: by kstatus, and by the expressions of a Kustomization's healthCheckExprs.
//
// Standard input: {"objects": [{…}], "expressions": {"current": "…", "failed": "…", "inProgress": "…"}}. Standard output: for
// each object {"kstatus": "…", "expressions": "…"}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type judgement struct {
	Kstatus     string `json:"kstatus"`
	Expressions string `json:"expressions"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run() error {
	var input struct {
		Objects     []unstructured.Unstructured      `json:"objects"`
		Expressions kustomize.HealthCheckExpressions `json:"expressions"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		return err
	}
	evaluator, err := cel.NewStatusEvaluator(&input.Expressions)
	if err != nil {
		return err
	}
	judgements := make([]judgement, 0, len(input.Objects))
	for index := range input.Objects {
		object := &input.Objects[index]
		plain, err := status.Compute(object)
		if err != nil {
			return err
		}
		custom, err := evaluator.Evaluate(context.Background(), object)
		if err != nil {
			return err
		}
		judgements = append(judgements, judgement{Kstatus: string(plain.Status), Expressions: string(custom.Status)})
	}
	return json.NewEncoder(os.Stdout).Encode(judgements)
}
