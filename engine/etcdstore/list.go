package etcdstore

import (
	"context"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// maxRanges bounds the ranges of one round trip.
const maxRanges = 64

// List implements [engine.Store]. It asks for few prefixes at first and for
// more with each round trip, as long as they turn out to hold little: etcd
// looks at every key of a range, whatever its limit, and each range may
// answer with as many records as the page still needs.
func (s *Store) List(ctx context.Context, r engine.ListRequest) (engine.Page, error) {
	if err := r.Check(); err != nil {
		return engine.Page{}, err
	}
	if err := s.begin(); err != nil {
		return engine.Page{}, err
	}
	defer s.calls.Done()

	var page engine.Page
	c := r.Consistency
	prefixes := startingAfter(r.Prefixes, r.After)
	for asked, batch := 0, 1; ; {
		batch = min(batch, len(prefixes))
		found, err := s.query(ctx, c, func(options ...clientv3.OpOption) []clientv3.Op {
			if batch == 0 {
				return s.nothing(options)
			}
			return s.pageOps(prefixes[:batch], r.After, r.Limit-len(page.Records), options)
		})
		if err != nil {
			return engine.Page{}, err
		}
		prefixes = prefixes[batch:]
		page.Revision = found.revision
		c = engine.AsOf(found.revision)
		s.fill(&page, found.ranges, r.Limit)
		if page.More || len(prefixes) == 0 {
			return page, nil
		}
		if len(page.Records) == r.Limit {
			page.More = true
			return page, nil
		}
		asked += batch
		batch = nextBatch(batch, asked, len(page.Records), r.Limit)
	}
}

// fill appends what the ranges found, up to limit records.
func (s *Store) fill(page *engine.Page, ranges []*clientv3.GetResponse, limit int) {
	for _, found := range ranges {
		for _, kv := range found.Kvs {
			if len(page.Records) == limit {
				page.More = true
				return
			}
			page.Records = append(page.Records, s.record(kv))
		}
		page.More = page.More || found.More
	}
}

// nextBatch is at most twice the last one, and not more prefixes than will
// probably fill the page, judging by those asked so far.
func nextBatch(last, asked, found, limit int) int {
	batch := min(2*last, maxRanges)
	if found > 0 {
		batch = min(batch, 1+(limit-found)*asked/found)
	}
	return batch
}

// startingAfter leaves out the prefixes of which all keys come before after.
func startingAfter(prefixes []string, after string) []string {
	for len(prefixes) > 0 && prefixes[0] <= after && !strings.HasPrefix(after, prefixes[0]) {
		prefixes = prefixes[1:]
	}
	return prefixes
}

// pageOps makes one range of each prefix, of which none is left out by
// [startingAfter].
func (s *Store) pageOps(prefixes []string, after string, limit int, options []clientv3.OpOption) []clientv3.Op {
	ops := make([]clientv3.Op, len(prefixes))
	for i, prefix := range prefixes {
		from := s.prefix + prefix
		if after >= prefix {
			from = s.prefix + after + "\x00"
		}
		ops[i] = clientv3.OpGet(from, append(slices.Clip(options),
			clientv3.WithRange(clientv3.GetPrefixRangeEnd(s.prefix+prefix)), clientv3.WithLimit(int64(limit)))...)
	}
	return ops
}
