package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// admitting are the modules among the test sources that admit a device. No
// other may ever lead to an acceptance.
var admitting = []string{"canary", "other-body", "tiny"}

// hostileModules returns the test sources of the sandbox, compiled.
func hostileModules(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(root, "engine", "wasmhost", "testdata")
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
			t.Fatal("node is missing: install Node 20")
		}
		t.Skip("SKIPPED: node is missing, the modules cannot be built")
	}
	steps := [][]string{{"node", "build.mjs"}}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "wabt")); err != nil {
		steps = slices.Insert(steps, 0, []string{"npm", "ci", "--no-audit", "--no-fund"})
	}
	for _, step := range steps {
		cmd := exec.CommandContext(t.Context(), step[0], step[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	modules, err := filepath.Glob(filepath.Join(dir, "wat", "*.wat"))
	require.NoError(t, err)
	for i, source := range modules {
		modules[i] = filepath.Join(dir, "build", strings.TrimSuffix(filepath.Base(source), ".wat")+".wasm")
	}
	require.Greater(t, len(modules), 60)
	return modules
}

// Every hostile module is refused when it is uploaded or deployed, or fails
// closed when it is asked, and the server and its other applications do not
// feel it.
func TestHostileModulesFailClosedAndHarmNobody(t *testing.T) {
	modules := hostileModules(t)
	s := newPlainServer(t)
	neighbour := s.app("neighbour", "Internal")
	s.must(http.StatusCreated, http.MethodPost, neighbour+"/credentials", object{"id": "device", "body": "AAAA"})
	s.must(http.StatusOK, http.MethodPost, neighbour+"/verify", object{"credentialsId": "device"})
	calm := s.metric("go_goroutines")
	latencies := s.keepVerifying(neighbour)

	for _, file := range modules {
		name := strings.TrimSuffix(filepath.Base(file), ".wasm")
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			wasm, err := os.ReadFile(file)
			require.NoError(t, err)
			status, decision := s.tryModule("svc-"+name, wasm)
			if !slices.Contains(admitting, name) {
				require.NotEqual(t, "ACCEPTED", decision)
			}
			require.NotEqual(t, http.StatusInternalServerError, status)
		})
	}
	all := latencies()
	require.Greater(t, len(all), 100)
	slices.Sort(all)
	p99 := all[len(all)*99/100]
	t.Logf("the neighbour's verify beside them: p50 %v, p99 %v, max %v, n=%d", all[len(all)/2], p99, all[len(all)-1], len(all))
	require.Less(t, p99, 50*time.Millisecond)
	require.NotContains(t, s.output(), "panic")

	// Each module was compiled in a process of its own, which leaves a note.
	notes, err := filepath.Glob(filepath.Join(moduleCache, "notes", "*"))
	require.NoError(t, err)
	require.Greater(t, len(notes), 20)
	require.NotContains(t, s.output(), "compiled here")
	require.Eventually(t, func() bool { return s.metric("go_goroutines") < calm+50 }, 10*time.Second, 50*time.Millisecond,
		"goroutines were left behind: there were %v before", calm)
	require.Less(t, s.metric(`go_gc_duration_seconds{quantile="0.5"}`), 0.02)
	require.Less(t, s.metric("process_resident_memory_bytes"), 512e6)
}

// metric returns a value that the server shows.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	a, err := s.call(s.t.Context(), http.MethodGet, "/metrics", nil)
	require.NoError(s.t, err)
	_, rest, found := strings.Cut(string(a.body), "\n"+name+" ")
	require.True(s.t, found, "%s", name)
	text, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(text, 64)
	require.NoError(s.t, err)
	return value
}

// tryModule uploads, deploys and asks; it returns where that ended.
func (s *server) tryModule(name string, wasm []byte) (status int, decision any) {
	s.t.Helper()
	step := func(method, path string, body any) answer {
		a, err := s.call(s.t.Context(), method, path, body)
		require.NoError(s.t, err)
		if a.status >= http.StatusBadRequest {
			require.NotEmpty(s.t, a.json["detail"], "an error without words: %s", a.body)
			require.NotEmpty(s.t, a.json["code"])
		}
		return a
	}
	a := step(http.MethodPost, "/v1/modules", wasm)
	if a.status >= http.StatusBadRequest {
		return a.status, nil
	}
	a = step(http.MethodPut, "/v1/credentials-services/"+name, object{"module": a.json["digest"]})
	if a.status >= http.StatusBadRequest {
		return a.status, nil
	}
	a = step(http.MethodPost, "/v1/applications", object{"name": name, "credentialsService": name})
	if a.status >= http.StatusBadRequest { // it does not start with the application's configuration
		return a.status, nil
	}
	a = step(http.MethodPost, fmt.Sprintf("/v1/applications/%v/verify", a.json["id"]), object{"credentialsId": "device"})
	if a.status != http.StatusOK {
		return a.status, nil
	}
	return a.status, a.json["decision"]
}

// keepVerifying asks for the neighbour's device all the time; the function it
// returns stops that and returns how long each answer took.
func (s *server) keepVerifying(app string) func() []time.Duration {
	ctx, cancel := context.WithCancel(s.t.Context())
	var group sync.WaitGroup
	var took []time.Duration
	group.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			a, err := s.call(ctx, http.MethodPost, app+"/verify", object{"credentialsId": "device"})
			if ctx.Err() != nil {
				return
			}
			if err != nil || a.json["decision"] != "ACCEPTED" {
				s.t.Errorf("the neighbour: %v %s", err, a.body)
				return
			}
			took = append(took, time.Since(began))
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() []time.Duration {
		cancel()
		group.Wait()
		return took
	}
}
