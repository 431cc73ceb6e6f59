// Evaluates JSONata expressions as Kyma dashboard does: with its own functions, and an object as $root and $item.
//
// Standard input: a JSON list of {"expression": "…", "scope": value, "variables": {name: value}, "sources": {name: value}}, where
// a source is the value of a function without arguments. Standard output: for each, {"value": value}, where null is also what
// JSONata calls undefined, or {"error": "…"}.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/blues/jsonata-go"
)

type question struct {
	Expression string         `json:"expression"`
	Scope      any            `json:"scope"`
	Variables  map[string]any `json:"variables"`
	Sources    map[string]any `json:"sources"`
}

type answer struct {
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fmt.Fprintln(os.Stderr, "jsonata:", err)
		os.Exit(1)
	}
	answers := make([]answer, 0, len(questions))
	for _, question := range questions {
		answers = append(answers, question.evaluate())
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "jsonata:", err)
		os.Exit(1)
	}
}

func (question question) evaluate() answer {
	expression, err := jsonata.Compile(question.Expression)
	if err != nil {
		return answer{Error: err.Error()}
	}
	if err := expression.RegisterVars(question.Variables); err != nil {
		return answer{Error: err.Error()}
	}
	functions := map[string]jsonata.Extension{"matchEvents": {Func: matchEvents}}
	for name, value := range question.Sources {
		functions[name] = jsonata.Extension{Func: func() any { return value }}
	}
	if err := expression.RegisterExts(functions); err != nil {
		return answer{Error: err.Error()}
	}
	value, err := expression.Eval(question.Scope)
	switch {
	case errors.Is(err, jsonata.ErrUndefined):
		return answer{}
	case err != nil:
		return answer{Error: err.Error()}
	}
	return answer{Value: value}
}

// matchEvents says whether an event is about this object.
func matchEvents(event map[string]any, kind, name string) bool {
	object, _ := event["involvedObject"].(map[string]any)
	return object["kind"] == kind && object["name"] == name
}
