package wattest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(os.Exit)) }

func TestEverySourceBuildsAndSaysWhatIsExpected(t *testing.T) {
	for _, name := range Names(t) {
		require.Equal(t, "\x00asm", string(Module(t, name)[:4]), name)
		text, err := os.ReadFile(filepath.Join(root(), "wat", name+".wat"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), ";; "), name)
		require.Contains(t, string(text), "Expected: ", name)
	}
}

func TestBuildsExcludeEachOther(t *testing.T) {
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_ = locked(func() error {
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(5 * time.Millisecond)
				inside.Add(-1)
				return nil
			})
		})
	}
	all.Wait()
	require.EqualValues(t, 1, most.Load())
}

func TestAMissingToolIsToldFromAFailingOne(t *testing.T) {
	require.ErrorIs(t, run(in(".", "credence-no-such-tool")), errNoToolchain)
	err := run(in(root(), "node", "-e", "console.error('why'); process.exit(3)"))
	if err != nil && strings.Contains(err.Error(), errNoToolchain.Error()) {
		t.Skip("Node is missing")
	}
	require.ErrorContains(t, err, "why")
}
