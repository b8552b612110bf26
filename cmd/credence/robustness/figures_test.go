//go:build linux

package robustness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// figures are what a run has measured beside its history.
type figures struct {
	quiet    int // operations of the history that were begun under the load, in peace
	alone    revocations
	reads    []rate
	pressure []*pressure
}

// quantiles is the median, the 99th hundredth and the number of some times.
func quantiles(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	times = slices.Sorted(slices.Values(times))
	at := func(q float64) time.Duration {
		return times[min(len(times)-1, int(q*float64(len(times))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p99 %v (of %d)", at(0.5), at(0.99), len(times))
}

func (f *figures) print(t testing.TB, history []invariant.Op, report invariant.Report, faults map[string]int) {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "\n  %-64s %v", name, value) }
	counts := map[string]int{}
	latency, reasons := map[string][]time.Duration{}, map[string]int{}
	for i, op := range history {
		name := string(op.Kind)
		switch {
		case op.Kind == invariant.Revoke && op.Enforced:
			counts["receipts"]++
		case op.Kind == invariant.Verify && op.Consistency.Mode != engine.ModeStrict:
			name = "verify, not strict"
		}
		counts[string(op.Kind)]++
		switch {
		case op.Outcome == invariant.Unknown || op.Outcome == invariant.Failed:
			counts["no decision"]++
			reasons[name+": "+cmp.Or(op.Detail, "not over")]++
			continue
		case op.Kind == invariant.Verify && op.Accepted:
			counts["accepted"]++
			if op.Session != "" {
				counts["opened"]++
			}
		case op.Kind == invariant.Verify:
			counts["rejected"]++
		}
		if i < f.quiet {
			latency[name] = append(latency[name], op.Returned-op.Invoked)
		}
	}
	line("verifies", counts[string(invariant.Verify)])
	line("  accepted", counts["accepted"])
	line("  rejected", counts["rejected"])
	line("revocations asked for", counts[string(invariant.Revoke)])
	line("  receipts that say ENFORCED", counts["receipts"])
	line("provisionings asked for", counts[string(invariant.Provision)])
	line("lookups", counts[string(invariant.Get)])
	line("sessions opened", counts["opened"])
	line("  introspected", counts[string(invariant.Introspect)])
	line("  ended, one or all of an endpoint", counts[string(invariant.EndSession)]+counts[string(invariant.EndEndpoint)])
	line("requests without a decision", counts["no decision"])
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		line("  "+reason, reasons[reason])
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		line("fault: "+name, faults[name])
	}
	line("stale accepts (I1, I1b, must be 0)", report.Of("I1")+report.Of("I1b"))
	line("acknowledged writes lost (I2, I5, I7, must be 0)", report.Of("I2")+report.Of("I5")+report.Of("I7"))
	line("other violations (must be 0)", len(report.Violations)-report.Of("I1")-report.Of("I1b")-report.Of("I2")-report.Of("I5")-report.Of("I7"))
	line("accepts sent by a stopped node before it stopped", report.Overtaken)
	line("credentials whose history was too long to search", report.Undecided)
	for _, name := range slices.Sorted(maps.Keys(latency)) {
		line("in peace, under load: "+name, quantiles(latency[name]))
	}
	line("in peace, alone: revocation committed", quantiles(f.alone.commits))
	line("in peace, alone: revocation with its receipt", quantiles(f.alone.receipts))
	line("in peace, alone: etcd's own put", quantiles(f.alone.puts))
	for _, r := range f.reads {
		line("verifies/s in one engine, "+r.name, fmt.Sprintf("%.0f (%.1f times the first)", r.rate, r.rate/f.reads[0].rate))
	}
	for _, p := range f.pressure {
		line("verify over HTTP "+p.name, fmt.Sprintf("%.0f/s by %d callers, %s, %d refused", p.rate, p.callers, quantiles(p.accepted), p.refused))
	}
	t.Log(b.String())
}
