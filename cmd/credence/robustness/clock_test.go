//go:build linux

package robustness

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clockEnv names the file that says how far the clock of a node is off.
const clockEnv = "ROBUSTNESS_CLOCK"

// jumpingClock is the clock of the nodes of this test. The engine has no such
// thing: the build puts it there, in the place of time.Now. What measures
// durations (leases, time-outs) asks the monotonic clock, which does not jump.
const jumpingClock = `package engine

import (
	"os"
	"sync/atomic"
	"time"
)

var clockOffset atomic.Int64

func jumpingClock() time.Time { return time.Now().Add(time.Duration(clockOffset.Load())) }

func init() {
	go func() {
		for ; ; time.Sleep(20 * time.Millisecond) {
			text, _ := os.ReadFile(os.Getenv("` + clockEnv + `"))
			offset, _ := time.ParseDuration(string(text))
			clockOffset.Store(int64(offset))
		}
	}()
}
`

// overlay writes what "go build -overlay" needs to build nodes whose clock can
// jump.
func overlay(t testing.TB, dir string) string {
	t.Helper()
	source, err := filepath.Abs("../../../engine")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(source, "engine.go"))
	require.NoError(t, err)
	changed := strings.Replace(string(text), "o.Now = time.Now\n", "o.Now = jumpingClock\n", 1)
	require.NotEqual(t, string(text), changed, "engine.New chooses its clock in another way now")
	replace := map[string]string{}
	for name, text := range map[string]string{"engine.go": changed, "jumping_clock.go": jumpingClock} {
		replace[filepath.Join(source, name)] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	index, err := json.Marshal(object{"Replace": replace})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, index, 0o600))
	return file
}

// clock is the file of the node's clock.
func (n *node) clock() string { return filepath.Join(n.dir, n.name+".clock") }

// setClock puts the node's clock off. The file changes as a whole.
func (n *node) setClock(by time.Duration) error {
	next := n.clock() + ".next"
	if err := os.WriteFile(next, []byte(by.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, n.clock())
}

// jumpClock lets the clock of a node jump ahead and back, by up to two days.
func (f *faults) jumpClock(ctx context.Context, random *rand.Rand) {
	n := f.oneNode(random)
	for range 4 {
		by := time.Duration((random.Float64() - 0.5) * 4 * 24 * float64(time.Hour)).Round(time.Second)
		if err := n.setClock(by); err != nil {
			f.t.Errorf("the clock of %s: %v", n.name, err)
		}
		wait(ctx, between(random, 300, 1200))
	}
	if err := n.setClock(0); err != nil {
		f.t.Errorf("the clock of %s: %v", n.name, err)
	}
}
