package rest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credence-engine/credence/engine"
)

// healthBody is how a custom service fares on the node that answers.
type healthBody struct {
	State  engine.BreakerState `json:"state"`
	Since  time.Time           `json:"since"`
	Faults int                 `json:"faults"`
}

func healthOf(h *engine.Health) *healthBody {
	if h == nil {
		return nil
	}
	return &healthBody{State: h.State, Since: h.Since.UTC().Truncate(time.Millisecond), Faults: h.Faults}
}

// faults collects what went wrong with the custom services of this node, when
// the metrics are asked for.
type faults struct{ of func() []engine.Faults }

var (
	faultsTotal = prometheus.NewDesc("credence_module_faults_total",
		"Calls of a credentials service in which its module failed.", []string{"service", "kind"}, nil)
	opensTotal = prometheus.NewDesc("credence_module_breaker_opens_total",
		"How often a credentials service has failed too often and was left alone.", []string{"service"}, nil)
	breakerOpen = prometheus.NewDesc("credence_module_breaker_open",
		"1 while a credentials service is left alone.", []string{"service"}, nil)
)

// Describe is a part of prometheus.Collector.
func (f faults) Describe(out chan<- *prometheus.Desc) {
	out <- faultsTotal
	out <- opensTotal
	out <- breakerOpen
}

// Collect is a part of prometheus.Collector.
func (f faults) Collect(out chan<- prometheus.Metric) {
	for _, s := range f.of() {
		name := string(s.Service)
		for kind, n := range s.Kinds {
			out <- prometheus.MustNewConstMetric(faultsTotal, prometheus.CounterValue, float64(n), name, string(kind))
		}
		out <- prometheus.MustNewConstMetric(opensTotal, prometheus.CounterValue, float64(s.Opens), name)
		open := 1.0
		if s.Closed {
			open = 0
		}
		out <- prometheus.MustNewConstMetric(breakerOpen, prometheus.GaugeValue, open, name)
	}
}
