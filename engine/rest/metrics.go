package rest

import (
	"bytes"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/credence-engine/credence/engine"
)

// metrics are what GET /metrics shows. Labels take few values only: a route is
// its line in the table, never a path.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	verdicts *prometheus.CounterVec
	sessions *prometheus.CounterVec
}

// Gauge is a value that GET /metrics shows as it is when it is asked for.
type Gauge struct {
	Name, Help string
	Value      func() float64
}

func newMetrics(gauges []Gauge, more ...prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_http_requests_total", Help: "Requests answered.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "credence_http_request_seconds", Help: "Time from the request's arrival to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}, []string{"route"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_verify_decisions_total", Help: "Decisions about endpoints; the reason is empty when accepted.",
		}, []string{"decision", "reason"}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "credence_introspections_total", Help: "Tokens of sessions judged; the reason is empty when active.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.verdicts, m.sessions,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(more...)
	for _, g := range gauges {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.Name, Help: g.Help}, g.Value))
	}
	return m
}

func (m *metrics) observe(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) decided(v engine.Verdict) {
	m.verdicts.WithLabelValues(decisionOf(v), string(v.Reason)).Inc()
}

func (m *metrics) judged(i engine.Introspection) {
	m.sessions.WithLabelValues(string(i.Reason)).Inc()
}

// text writes all metrics in Prometheus's text format.
func (m *metrics) text() ([]byte, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// eventStreams collects how many streams of events there are and were cut.
type eventStreams struct{ of func() (open int, cut int64) }

var (
	streamsOpen = prometheus.NewDesc("credence_event_streams", "Streams of events that are open.", nil, nil)
	streamsCut  = prometheus.NewDesc("credence_event_streams_cut_total",
		"Streams of events that the node has ended, because they were too slow or it could not serve them.", nil, nil)
)

// Describe is a part of prometheus.Collector.
func (s eventStreams) Describe(out chan<- *prometheus.Desc) {
	out <- streamsOpen
	out <- streamsCut
}

// Collect is a part of prometheus.Collector.
func (s eventStreams) Collect(out chan<- prometheus.Metric) {
	open, cut := s.of()
	out <- prometheus.MustNewConstMetric(streamsOpen, prometheus.GaugeValue, float64(open))
	out <- prometheus.MustNewConstMetric(streamsCut, prometheus.CounterValue, float64(cut))
}
