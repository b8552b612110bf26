package engine

import (
	"maps"
	"slices"
	"strings"
)

// overlay applies the unit's own writes to a page that was read below prefix
// after the key cursor.
func (tx *Tx) overlay(page Page, prefix, cursor string) []Record {
	last := ""
	if page.More && len(page.Records) > 0 {
		last = page.Records[len(page.Records)-1].Key
	}
	own := make(map[string]Write, len(tx.writes))
	for _, w := range tx.writes {
		if strings.HasPrefix(w.Key, prefix) && w.Key > cursor && (last == "" || w.Key <= last) {
			own[w.Key] = w
		}
	}
	if len(own) == 0 {
		return page.Records
	}
	return mergeWrites(page.Records, own)
}

// mergeWrites returns records in key order as they are once own is applied.
func mergeWrites(records []Record, own map[string]Write) []Record {
	merged := make([]Record, 0, len(records)+len(own))
	for _, r := range records {
		if _, replaced := own[r.Key]; !replaced {
			merged = append(merged, r)
		}
	}
	for w := range maps.Values(own) {
		if !w.Delete {
			merged = append(merged, Record{Key: w.Key, Value: w.Value})
		}
	}
	slices.SortFunc(merged, func(a, b Record) int { return strings.Compare(a.Key, b.Key) })
	return merged
}
