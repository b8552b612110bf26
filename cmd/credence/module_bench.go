package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine/wasmhost"
	"github.com/credence-engine/credence/wasmabi"
)

// benchIDs is how many credentials a benchmark works on in turn, unless it is
// told which.
const benchIDs = 100

// benchStarts is how many starts of an instance are measured.
const benchStarts = 20

func newModuleBenchCommand(w *world) *cobra.Command {
	a := newAuthor(w)
	var b benchmark
	cmd := &cobra.Command{
		Use:   "bench FILE.wasm [METHOD]",
		Short: "Measure a module: compilation, start, and an operation again and again",
		Long: "Measure a module: compilation, start, and an operation (lookup, unless another METHOD is named) again and again on one instance, with a state in memory.\n" +
			"The credentials are provided before, if the module takes that. Times are those of the call alone, without a server around it.\n\n" +
			"Exit codes: 0 measured, 1 the module failed, 2 wrong usage.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.method = "lookup"
			if len(args) > 1 {
				b.method = args[1]
			}
			export, err := parseMethod(b.method)
			if err != nil {
				return err
			}
			b.export = export
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			return a.bench(cmd.Context(), wasm, &b)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return slices.Sorted(maps.Keys(methodNames)), cobra.ShellCompDirectiveNoFileComp
		},
	}
	a.bindSettings(cmd)
	a.reach.bind(cmd)
	b.input.bind(cmd, "input", `the credentials to ask for, as in run; otherwise `+fmt.Sprint(benchIDs)+` in turn`)
	cmd.Flags().IntVarP(&b.count, "number", "n", 0, "run so many operations")
	cmd.Flags().DurationVar(&b.duration, "duration", 2*time.Second, "run for this `time`")
	cmd.MarkFlagsMutuallyExclusive("number", "duration")
	a.bindOutput(cmd)
	first(cmd, func() error {
		if b.count < 0 || b.duration <= 0 {
			return usagef("give -n or --duration more than nothing")
		}
		if err := errors.Join(a.readSettings(), a.reach.read(w)); err != nil {
			return err
		}
		return b.read(w)
	})
	return cmd
}

// benchmark is what is measured, and what came of it.
type benchmark struct {
	input          jsonFlag
	method, export string
	count          int // 0 for as many as the duration lets
	duration       time.Duration
	asked          []wasmhost.Operation

	times     []time.Duration
	outcomes  map[string]int
	hostCalls int
	kvCalls   int
	fuel      int64
	peak      int // bytes of memory
}

func (b *benchmark) read(w *world) error {
	if err := b.input.read(w); err != nil {
		return err
	}
	if b.input.value == nil {
		for n := range benchIDs {
			b.asked = append(b.asked, wasmhost.Operation{ID: fmt.Sprintf("bench-%03d", n), Body: []byte("bench")})
		}
		return nil
	}
	one, err := parseOperation(b.input.value)
	b.asked = []wasmhost.Operation{one}
	return err
}

// benchDocument is the form of a measurement for programs.
type benchDocument struct {
	Method          string         `json:"method"`
	CompileMs       float64        `json:"compileMs"`
	StartMicros     float64        `json:"startMicroseconds"`
	Operations      int            `json:"operations"`
	P50Micros       float64        `json:"p50Microseconds"`
	P99Micros       float64        `json:"p99Microseconds"`
	MaxMicros       float64        `json:"maxMicroseconds"`
	PerSecond       float64        `json:"operationsPerSecond"`
	HostCalls       float64        `json:"hostCallsPerOperation"`
	KvCalls         float64        `json:"kvCallsPerOperation"`
	Fuel            float64        `json:"fuelPerOperation"`
	PeakMemoryBytes int            `json:"peakMemoryBytes"`
	Outcomes        map[string]int `json:"outcomes"`
}

// bench measures a module and prints the figures.
func (a *author) bench(ctx context.Context, wasm []byte, b *benchmark) error {
	// Without the folder of compiled modules: the compilation is measured.
	r, err := wasmhost.New(ctx, wasmhost.Options{Ceiling: wasmhost.Ceiling{AllowPrivate: true}})
	if err != nil {
		return err
	}
	defer r.Close()
	began := time.Now()
	options := wasmhost.SandboxOptions{Config: a.config.value, Grants: a.grants.value}
	a.reach.apply(&options)
	box, err := r.Sandbox(ctx, wasm, options)
	if err != nil {
		return inWords(err)
	}
	defer box.Close()
	compile := time.Since(began)
	starts := make([]time.Duration, 0, benchStarts)
	for range benchStarts {
		box.Restart()
		began := time.Now()
		if err := box.Start(ctx); err != nil {
			return inWords(err)
		}
		starts = append(starts, time.Since(began))
	}
	if err := b.run(ctx, box); err != nil {
		return err
	}
	d := b.document()
	d.CompileMs, d.StartMicros = microseconds(compile)/1000, microseconds(percentile(starts, 50))
	return a.printBench(d)
}

// run provides the credentials and then runs the operation as often as asked.
func (b *benchmark) run(ctx context.Context, box *wasmhost.Sandbox) error {
	if b.export != wasmabi.ExportProvide {
		for _, o := range b.asked {
			o.Method = wasmabi.ExportProvide
			if _, err := box.Do(ctx, o); err != nil {
				return inWords(err)
			}
		}
	}
	b.outcomes = map[string]int{}
	until := time.Now().Add(b.duration)
	for n := 0; ; n++ {
		if b.count > 0 && n == b.count || b.count == 0 && n > 0 && !time.Now().Before(until) {
			return nil
		}
		o := b.asked[n%len(b.asked)]
		o.Method = b.export
		out, err := box.Do(ctx, o)
		if err == nil {
			err = out.Fault
		}
		if err != nil {
			return fmt.Errorf("operation %d: %w", n+1, inWords(err))
		}
		b.add(out)
	}
}

func (b *benchmark) add(out wasmhost.Outcome) {
	b.times = append(b.times, out.Used.Time)
	b.outcomes[out.Status.String()]++
	b.hostCalls += out.Used.HostCalls
	b.kvCalls += out.Used.KvCalls
	b.fuel += out.Used.Fuel
	b.peak = max(b.peak, out.Used.Memory)
}

func (b *benchmark) document() benchDocument {
	n := float64(len(b.times))
	var total time.Duration
	for _, t := range b.times {
		total += t
	}
	return benchDocument{
		Method: b.method, Operations: len(b.times), Outcomes: b.outcomes, PeakMemoryBytes: b.peak,
		P50Micros: microseconds(percentile(b.times, 50)), P99Micros: microseconds(percentile(b.times, 99)), MaxMicros: microseconds(percentile(b.times, 100)),
		PerSecond: n / max(total.Seconds(), 1e-9), HostCalls: float64(b.hostCalls) / n, KvCalls: float64(b.kvCalls) / n, Fuel: float64(b.fuel) / n,
	}
}

// percentile sorts the times and returns the one that p percent do not exceed.
func percentile(times []time.Duration, p int) time.Duration {
	slices.Sort(times)
	return times[(len(times)-1)*p/100]
}

func (a *author) printBench(d benchDocument) error {
	outcomes := make([]string, 0, len(d.Outcomes))
	for _, status := range slices.Sorted(maps.Keys(d.Outcomes)) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", d.Outcomes[status], status))
	}
	var rows output.Rows
	rows.Add("compilation", fmt.Sprintf("%.1f ms", d.CompileMs))
	rows.Add("start", fmt.Sprintf("%.1f µs", d.StartMicros))
	rows.Add("operations", fmt.Sprintf("%d of %s: %s", d.Operations, d.Method, strings.Join(outcomes, ", ")))
	rows.Add("p50", fmt.Sprintf("%.2f µs", d.P50Micros))
	rows.Add("p99", fmt.Sprintf("%.2f µs", d.P99Micros))
	rows.Add("max", fmt.Sprintf("%.2f µs", d.MaxMicros))
	rows.Add("throughput", fmt.Sprintf("%.0f a second on one instance", d.PerSecond))
	rows.Add("host calls", fmt.Sprintf("%.1f each, of them %.1f of kv", d.HostCalls, d.KvCalls))
	rows.Add("fuel", fmt.Sprintf("%.0f each, at least the instructions that ran", d.Fuel))
	rows.Add("peak memory", sizeText(d.PeakMemoryBytes))
	return a.print(d, rows)
}
