package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
	"github.com/credence-engine/credence/engine/rest"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// closers closes what was opened, last first.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c closers) close() error {
	var errs []error
	for _, f := range slices.Backward(c) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

var notInNodeIDs = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nodeID is the configured name of this node, or that of the member of a
// cluster that it is, or the host's. The state of an embedded etcd has this one
// node alone, so its name can stay the same; else several may run on one host.
func nodeID(c config.Config, member string) engine.NodeID {
	switch {
	case c.Node.ID != "":
		return engine.NodeID(c.Node.ID)
	case member != "":
		return engine.NodeID(member)
	case c.Etcd.External():
		return engine.NodeID(hostName() + "-" + strings.ToLower(rand.Text()[:8]))
	}
	return engine.NodeID(hostName())
}

// hostName is the name of this host, in the form of a node's id.
func hostName() string {
	const longest = 100
	host, err := os.Hostname()
	if host = notInNodeIDs.ReplaceAllString(host, "-"); err != nil || host == "" {
		host = "node"
	}
	return host[:min(len(host), longest)]
}

func newLogger(c config.Log, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // config has validated it
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

func newServer(c config.Config, e *engine.Engine, gauges []rest.Gauge, ready func(context.Context) error, log *slog.Logger) (*rest.Server, error) {
	build := thisBuild()
	options := rest.Options{
		Engine: e, Ready: ready, Log: log, Gauges: gauges,
		Version:        rest.Version{Version: build.Version, Commit: build.Revision, Go: build.Go},
		RequestTimeout: c.HTTP.RequestTimeout, DeployTimeout: c.HTTP.DeployTimeout, ShutdownTimeout: c.ShutdownTimeout * 8 / 10, // the rest is for the state to be closed
		MaxInFlight: c.HTTP.MaxInFlight, JSONBytes: int(c.HTTP.MaxBodyBytes), ModuleBytes: int(c.HTTP.MaxModuleBytes),
	}
	if c.HTTP.TLS.Enabled() {
		certificate, err := tls.LoadX509KeyPair(c.HTTP.TLS.CertFile, c.HTTP.TLS.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the TLS certificate cannot be used: %w", err)
		}
		options.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return rest.New(options), nil
}

// moduleGauges are what the modules of this node use.
func moduleGauges(modules *wasmhost.Runtime) []rest.Gauge {
	return []rest.Gauge{
		{Name: "credence_module_memory_bytes", Help: "Memory that the instances of modules hold.", Value: func() float64 {
			used, _ := modules.MemoryInUse()
			return float64(used)
		}},
		{Name: "credence_module_memory_budget_bytes", Help: "Memory that the instances of modules may hold together.", Value: func() float64 {
			_, budget := modules.MemoryInUse()
			return float64(budget)
		}},
	}
}

// cacheGauges are how the cache of the state fares.
func cacheGauges(store *epoch.Store) []rest.Gauge {
	gauge := func(name, help string, of func(epoch.Stats) int64) rest.Gauge {
		return rest.Gauge{Name: "credence_cache_" + name, Help: help, Value: func() float64 { return float64(of(store.Stats())) }}
	}
	return []rest.Gauge{
		gauge("hits", "Reads answered from the cache, since the start.", func(s epoch.Stats) int64 { return s.Hits }),
		gauge("misses", "Reads that etcd answered, since the start.", func(s epoch.Stats) int64 { return s.Misses }),
		gauge("barriers", "Reads of the epoch, each for all strict reads that came before it, since the start.", func(s epoch.Stats) int64 { return s.Barriers }),
		gauge("barrier_reads", "Strict reads that waited for one of those, since the start.", func(s epoch.Stats) int64 { return s.Callers }),
		gauge("late", "Reads that asked etcd because the watch was late, since the start.", func(s epoch.Stats) int64 { return s.Late }),
		gauge("restarts", "How often the cache was dropped, since the start.", func(s epoch.Stats) int64 { return s.Restarts }),
		gauge("compared", "Cached records compared with etcd, since the start.", func(s epoch.Stats) int64 { return s.Compared }),
		gauge("divergences", "Comparisons that found a difference, since the start; any is alarming.", func(s epoch.Stats) int64 { return s.Divergences }),
		gauge("entries", "Records in the cache.", func(s epoch.Stats) int64 { return s.Entries }),
		gauge("bytes", "Memory of the records in the cache, about.", func(s epoch.Stats) int64 { return s.Bytes }),
		gauge("behind_revisions", "How far the watch is known to be behind etcd.", func(s epoch.Stats) int64 { return s.Behind }),
	}
}

func newRuntime(ctx context.Context, program string, c config.Modules, secrets wasmhost.SecretReader, log *slog.Logger) (*wasmhost.Runtime, error) {
	limits := wasmhost.DefaultLimits()
	limits.CallTimeout, limits.ProvideTimeout, limits.StartTimeout = c.CallTimeout, c.ProvideTimeout, c.StartTimeout
	limits.MemoryPages, limits.MemoryPagesCeiling = uint32(c.MemoryPages), uint32(c.MemoryPagesCeiling)
	limits.Concurrency, limits.Queue, limits.QueueWait = c.Concurrency, c.Queue, c.QueueWait
	limits.HostCalls = c.HostCalls
	roots, err := authorities(c.HTTP.CAFile)
	if err != nil {
		return nil, fmt.Errorf("modules.http.caFile: %w", err)
	}
	return wasmhost.New(ctx, wasmhost.Options{
		CacheDir: c.CacheDir, Compiler: newCompiler(program, c.CompileTimeout), Limits: limits, MemoryBudget: c.MemoryBudget, Log: log,
		Ceiling: wasmhost.Ceiling{Capabilities: c.Capabilities, AllowPrivate: c.HTTP.AllowPrivate}, Roots: roots, Secrets: secrets,
	})
}

// authorities are the system's and those of a file. Without a file they are
// nil, which means the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's authorities cannot be read: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return roots, nil
}
