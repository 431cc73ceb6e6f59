// Tells which metrics and labels PromQL expressions use, by Prometheus' own parser.
//
// Standard input: a JSON list of expressions. Standard output: for each, {"metrics": {name: [labels of its selectors]},
// "labels": [labels of grouping and matching]}, or {"error": "…"}.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

type uses struct {
	Metrics map[string][]string `json:"metrics"`
	Labels  []string            `json:"labels"`
	Error   string              `json:"error,omitempty"`
}

func main() {
	var expressions []string
	if err := json.NewDecoder(os.Stdin).Decode(&expressions); err != nil {
		fmt.Fprintln(os.Stderr, "promql:", err)
		os.Exit(1)
	}
	results := make([]uses, 0, len(expressions))
	for _, expression := range expressions {
		results = append(results, read(expression))
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fmt.Fprintln(os.Stderr, "promql:", err)
		os.Exit(1)
	}
}

func read(expression string) uses {
	found := uses{Metrics: map[string][]string{}, Labels: []string{}}
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			found.selector(node)
		case *parser.AggregateExpr:
			found.Labels = append(found.Labels, node.Grouping...)
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				found.Labels = append(found.Labels, node.VectorMatching.MatchingLabels...)
				found.Labels = append(found.Labels, node.VectorMatching.Include...)
			}
		}
		return nil
	})
	return found
}

func (found *uses) selector(node *parser.VectorSelector) {
	name, used := node.Name, []string{}
	for _, matcher := range node.LabelMatchers {
		switch {
		case matcher.Name != labels.MetricName:
			used = append(used, matcher.Name)
		case matcher.Type == labels.MatchEqual:
			name = matcher.Value
		}
	}
	found.Metrics[name] = append(append([]string{}, found.Metrics[name]...), used...)
}
