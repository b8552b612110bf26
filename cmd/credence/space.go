package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/rest"
)

// spaceEvery is how often a node looks at the room that the store has.
const spaceEvery = 5 * time.Second

// watchSpace tells of a store that fills, in the node's account of itself and
// in the log, until ctx is done.
func watchSpace(ctx context.Context, store *etcdstore.Store, e *engine.Engine, log *slog.Logger) {
	timer := time.NewTicker(spaceEvery)
	defer timer.Stop()
	said := ""
	for {
		space, err := store.Space(ctx)
		if problem := space.Problem(); err == nil && problem != said {
			var words []string
			if problem != "" {
				words = []string{problem}
			}
			e.ReportProblems("store", words)
			switch {
			case said == "":
				log.Warn("the room in the store gets short", "problem", problem)
			case problem == "":
				log.Info("there is room in the store again", "inUse", space.InUse, "size", space.Size, "quota", space.Quota)
			}
			said = problem
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// spaceGauges are the room that the store has. They stay at 0 while it cannot
// be asked.
func spaceGauges(store *etcdstore.Store) []rest.Gauge {
	of := func(figure func(etcdstore.Space) int64) func() float64 {
		return func() float64 {
			space, _ := store.Space(context.Background())
			return float64(figure(space))
		}
	}
	return []rest.Gauge{
		{Name: "credence_store_size_bytes", Help: "Size of etcd's database file, of the fullest member.", Value: of(func(s etcdstore.Space) int64 { return s.Size })},
		{Name: "credence_store_in_use_bytes", Help: "What of it is in use.", Value: of(func(s etcdstore.Space) int64 { return s.InUse })},
		{Name: "credence_store_quota_bytes", Help: "Size at which etcd takes no more; 0 is none.", Value: of(func(s etcdstore.Space) int64 { return s.Quota })},
	}
}
