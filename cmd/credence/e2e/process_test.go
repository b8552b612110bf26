package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASecondProcessOnTheSameDataIsRefused(t *testing.T) {
	s := newServer(t)
	out, err := command("serve", "--listen", freeAddress(t), "--data-dir", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), fmt.Sprint(s.cmd.Process.Pid), "the message names the owner")
	require.NotContains(t, string(out), "goroutine")
}

// Requests in flight are answered, and the process is gone within ten seconds.
func TestAGracefulStopAnswersRequestsInFlight(t *testing.T) {
	s := newServer(t)
	app := s.app("plant", "Internal")
	var group sync.WaitGroup
	stopping := make(chan struct{})
	for client := range 8 {
		group.Go(func() {
			for n := 0; ; n++ {
				a, err := s.call(t.Context(), http.MethodPost, app+"/credentials", object{"id": fmt.Sprintf("d-%d-%d", client, n), "body": "AAAA"})
				if err != nil {
					// Refused connections are fine; a cut answer is not.
					if !strings.Contains(err.Error(), "refused") && !strings.Contains(err.Error(), "reset") && !strings.HasSuffix(err.Error(), "EOF") {
						t.Errorf("in flight: %v", err)
					}
					return
				}
				if a.status != http.StatusCreated {
					select {
					case <-stopping:
						return
					default:
						t.Errorf("%d %s", a.status, a.body)
						return
					}
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	close(stopping)
	require.Less(t, s.stop(), 10*time.Second)
	group.Wait()
	require.NotContains(t, s.output(), "panic")
	require.NotContains(t, s.output(), "DATA RACE")
}

// The embedded etcd opens no TCP port: the only one is the API's.
func TestTheOnlyPortIsTheAPIs(t *testing.T) {
	s := newServer(t)
	inodes := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.cmd.Process.Pid))
	require.NoError(t, err)
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil && strings.HasPrefix(link, "socket:[") {
			inodes[strings.Trim(link, "socket:[]")] = true
		}
	}
	var listening []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && inodes[f[9]] {
				listening = append(listening, f[1])
			}
		}
	}
	require.Len(t, listening, 1, "%v", listening)
}

func TestWrongConfigurationIsRefusedWithAHint(t *testing.T) {
	for name, test := range map[string]struct {
		args, env []string
		code      int
		want      string
	}{
		"an unknown flag":                      {[]string{"serve", "--lisen", "x"}, nil, 2, "lisen"},
		"an unknown variable":                  {[]string{"serve"}, []string{"CREDENCE_LISTN=x"}, 2, "listen"},
		"a bad address":                        {[]string{"serve", "--listen", "nonsense"}, nil, 2, "listen"},
		"a file that is absent":                {[]string{"serve", "--config", "/none.yaml"}, nil, 2, "/none.yaml"},
		"a data directory that cannot be made": {[]string{"serve", "--data-dir", "/proc/credence", "--listen", "127.0.0.1:0"}, nil, 1, "/proc/credence"},
		"an etcd that does not answer":         {[]string{"serve", "--etcd-endpoints", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--etcd-dial-timeout", "300ms"}, nil, 1, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(test.args[0], test.args[1:]...)
			cmd.Env = append(cmd.Env, test.env...)
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, test.code, cmd.ProcessState.ExitCode(), "%s", out)
			require.Contains(t, string(out), test.want)
			require.NotContains(t, string(out), password)
		})
	}
}

func TestTheEffectiveConfigurationIsPrintedWithoutSecrets(t *testing.T) {
	out, err := command("config", "--listen", "127.0.0.1:9999").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "127.0.0.1:9999")
	require.NotContains(t, string(out), password)
}
