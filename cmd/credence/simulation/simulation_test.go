package simulation

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s must be a number: %v", name, err)
	}
	return n
}

// Three nodes under faults, in simulated time; see the package's description.
func TestInvariantsHoldInEverySeed(t *testing.T) {
	first, seeds := setting(t, "FIRST", 0), setting(t, "SEEDS", 150)
	if os.Getenv("SEED") != "" {
		first, seeds = setting(t, "SEED", 0), 1
	}
	var all tally
	for seed := first; seed < first+seeds; seed++ {
		w := run(t, seed)
		w.judge()
		all.add(w.record.History())
		if len(w.faults) > 0 {
			t.Fatalf("seed %d (SEED=%d replays it):\n%s\n\nwrong:\n%s", seed, seed, strings.Join(w.lines, "\n"), strings.Join(w.faults, "\n"))
		}
		if seeds == 1 {
			t.Logf("seed %d:\n%s", seed, strings.Join(w.lines, "\n"))
		}
	}
	t.Logf("%d seeds from %d on, %s", seeds, first, &all)
}
