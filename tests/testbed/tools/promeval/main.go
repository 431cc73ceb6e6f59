// Evaluates PromQL over what was scraped, by Prometheus' own parser, storage and engine.
//
// Standard input: {"scrapes": [{"time": ms, "target": {labels}, "text": OpenMetrics}], "queries": [{"expr": "…",
// "instant": bool}], "start": ms, "end": ms, "step": ms}. The scrapes are in the order of their times; an empty text is
// a target that does not answer. Labels of a series win over those of its target, as with honor_labels: true.
// Standard output: for each query a list of series, {"labels": {}, "points": [[ms, value]]}. An instant query is
// evaluated at the end. Values that are no numbers are left out, as a graph shows none there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

type request struct {
	Scrapes []scrape `json:"scrapes"`
	Queries []query  `json:"queries"`
	Start   int64    `json:"start"`
	End     int64    `json:"end"`
	Step    int64    `json:"step"`
}

type scrape struct {
	Time   int64             `json:"time"`
	Target map[string]string `json:"target"`
	Text   string            `json:"text"`
}

type query struct {
	Expr    string `json:"expr"`
	Instant bool   `json:"instant"`
}

type series struct {
	Labels map[string]string `json:"labels"`
	Points [][2]float64      `json:"points"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "promeval:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "promeval")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	options := tsdb.DefaultOptions()
	// Nothing is compacted or dropped while this runs.
	options.MinBlockDuration = (24 * time.Hour).Milliseconds()
	options.MaxBlockDuration = options.MinBlockDuration
	options.RetentionDuration = 0
	db, err := tsdb.Open(folder, nil, nil, options, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := store(db, asked.Scrapes); err != nil {
		return err
	}
	results, err := evaluate(db, asked)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

// Stores the samples. A series that the next scrape of its target does not have ends there, as in Prometheus.
func store(db *tsdb.DB, scrapes []scrape) error {
	seen := map[uint64]map[uint64]labels.Labels{}
	for _, scrape := range scrapes {
		target := labels.FromMap(scrape.Target)
		appender := db.Appender(context.Background())
		now, err := add(appender, scrape, target)
		if err != nil {
			return errors.Join(fmt.Errorf("scrape at %d: %w", scrape.Time, err), appender.Rollback())
		}
		for hash, gone := range seen[target.Hash()] {
			if _, there := now[hash]; there {
				continue
			}
			if _, err := appender.Append(0, gone, scrape.Time, math.Float64frombits(value.StaleNaN)); err != nil {
				return errors.Join(err, appender.Rollback())
			}
		}
		seen[target.Hash()] = now
		if err := appender.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func add(appender storage.Appender, scrape scrape, target labels.Labels) (map[uint64]labels.Labels, error) {
	found := map[uint64]labels.Labels{}
	if scrape.Text == "" {
		return found, nil
	}
	text := textparse.NewOpenMetricsParser([]byte(scrape.Text), labels.NewSymbolTable())
	for {
		entry, err := text.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, sample := text.Series()
		var own labels.Labels
		text.Labels(&own)
		builder := labels.NewBuilder(own)
		target.Range(func(label labels.Label) {
			if !own.Has(label.Name) {
				builder.Set(label.Name, label.Value)
			}
		})
		all := builder.Labels()
		if _, err := appender.Append(0, all, scrape.Time, sample); err != nil {
			return nil, err
		}
		found[all.Hash()] = all
	}
}

func evaluate(db *tsdb.DB, asked request) ([][]series, error) {
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples:           50_000_000,
		Timeout:              time.Minute,
		LookbackDelta:        5 * time.Minute, // Prometheus' default
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		Parser:               parser.NewParser(parser.Options{}),
	})
	results := make([][]series, 0, len(asked.Queries))
	for _, query := range asked.Queries {
		found, err := ask(engine, db, asked, query)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", query.Expr, err)
		}
		results = append(results, found)
	}
	return results, nil
}

func ask(engine *promql.Engine, db *tsdb.DB, asked request, query query) ([]series, error) {
	start, end := time.UnixMilli(asked.Start), time.UnixMilli(asked.End)
	step := time.Duration(asked.Step) * time.Millisecond
	var prepared promql.Query
	var err error
	if query.Instant {
		prepared, err = engine.NewInstantQuery(context.Background(), db, nil, query.Expr, end)
	} else {
		prepared, err = engine.NewRangeQuery(context.Background(), db, nil, query.Expr, start, end, step)
	}
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	executed := prepared.Exec(context.Background())
	if executed.Err != nil {
		return nil, executed.Err
	}
	found := []series{}
	switch result := executed.Value.(type) {
	case promql.Matrix:
		for _, one := range result {
			points := make([][2]float64, 0, len(one.Floats))
			for _, point := range one.Floats {
				points = appendNumber(points, point.T, point.F)
			}
			found = append(found, series{one.Metric.Map(), points})
		}
	case promql.Vector:
		for _, one := range result {
			found = append(found, series{one.Metric.Map(), appendNumber([][2]float64{}, one.T, one.F)})
		}
	case promql.Scalar:
		found = append(found, series{map[string]string{}, appendNumber([][2]float64{}, result.T, result.V)})
	default:
		return nil, fmt.Errorf("the result is a %s", result.Type())
	}
	return found, nil
}

func appendNumber(points [][2]float64, at int64, value float64) [][2]float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return points
	}
	return append(points, [2]float64{float64(at), value})
}
