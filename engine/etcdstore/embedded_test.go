package etcdstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestEmbeddedStorePassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(t *testing.T) func() engine.Store {
		o := Options{DataDir: t.TempDir()}
		return func() engine.Store {
			store := open(t, o)
			if store.server != nil { // the others come to it
				o = Options{Endpoints: []string{"unix://" + store.server.sockets.client()}}
			}
			return expiring{store}
		}
	})
}

func TestEmbeddedStoreStartsAndStopsQuietlyAndSoon(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	var log logBuffer
	for n := range 3 {
		started := time.Now()
		store, err := Open(t.Context(), Options{DataDir: dir, Logger: log.logger()})
		require.NoError(t, err)
		t.Logf("ready after %v", time.Since(started))
		require.Less(t, time.Since(started), 5*time.Second)
		require.Equal(t, strings.Repeat("x", n), valueOf(t, store, "k"), "what was written is there after a restart")
		_, err = store.Commit(t.Context(), put("k", strings.Repeat("x", n+1)))
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
	require.Empty(t, log.String())
	left, err := os.ReadDir(filepath.Join(dir, "run"))
	require.NoError(t, err)
	require.Empty(t, left, "a socket is left behind")
}

func TestEmbeddedStoreListensOnlyOnItsSocket(t *testing.T) {
	before := listeners(t)
	dir := t.TempDir()
	open(t, Options{DataDir: dir})
	require.Equal(t, before, listeners(t))

	socket := filepath.Join(dir, "run", "etcd.sock")
	info, err := os.Stat(filepath.Dir(socket))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), "only the owner may reach the socket")
	operator, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + socket}, Logger: zap.NewNop()})
	require.NoError(t, err)
	defer operator.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = operator.Status(ctx, "unix://"+socket)
	require.NoError(t, err, "the tools of etcd work on the socket")
}

// listeners returns the TCP sockets of this process that listen.
func listeners(t *testing.T) map[string]bool {
	t.Helper()
	mine := map[string]bool{}
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc to look at")
	}
	for _, d := range descriptors {
		if name, err := os.Readlink("/proc/self/fd/" + d.Name()); err == nil {
			mine[strings.TrimSuffix(strings.TrimPrefix(name, "socket:["), "]")] = true
		}
	}
	const state, listening, inode = 3, "0A", 9
	found := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > inode && f[state] == listening && mine[f[inode]] {
				found[f[1]] = true
			}
		}
	}
	return found
}

func TestListenersAreFound(t *testing.T) {
	before := len(listeners(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	require.Len(t, listeners(t), before+1, "the check of TCP ports cannot fail")
}

func TestEmbeddedStoreInADeepDirectory(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	store, err := Open(t.Context(), Options{DataDir: dir})
	require.NoError(t, err)
	_, err = store.Commit(t.Context(), put("k", "v"))
	require.NoError(t, err)
	require.NoError(t, store.Close())
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left, "the socket's folder is left behind")

	t.Setenv("TMPDIR", dir)
	_, err = Open(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, "shorter")
}

func TestADataDirectoryServesOneStore(t *testing.T) {
	dir := t.TempDir()
	other := startProcess(t, dir)
	_, err := Open(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, fmt.Sprintf("%s is in use by process %d", dir, other.Process.Pid))
	require.NoError(t, other.Process.Kill())
	_ = other.Wait()

	store := open(t, Options{DataDir: dir})
	_, err = Open(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d", os.Getpid()))
	require.NoError(t, store.Ready(t.Context()), "the refused one did no harm")
}

// TestStateSurvivesAKill kills a process that writes without pause, several
// times, and looks for what it had acknowledged.
func TestStateSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	last := ""
	for range 3 {
		process := startProcess(t, dir)
		deadline := time.AfterFunc(100*time.Millisecond, func() { _ = process.Process.Kill() })
		lines := bufio.NewScanner(process.out)
		acknowledged := 0
		for lines.Scan() {
			last = lines.Text()
			acknowledged++
		}
		deadline.Stop()
		require.Error(t, process.Wait(), "it was killed")
		require.Positive(t, acknowledged)

		store, err := Open(t.Context(), Options{DataDir: dir})
		require.NoError(t, err)
		require.GreaterOrEqual(t, valueOf(t, store, "last"), last, "the last acknowledged value is lost")
		require.NoError(t, store.Close())
	}
}

// writerProcess is a process that writes to an embedded store, and prints what
// was acknowledged.
type writerProcess struct {
	*exec.Cmd
	out *bufio.Reader
}

const writerDir = "CREDENCE_TEST_WRITER_DIR"

func writerCommand(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func startProcess(t *testing.T, dir string) *writerProcess {
	t.Helper()
	cmd := writerCommand(dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	reader := bufio.NewReader(out)
	first, err := reader.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", first)
	return &writerProcess{Cmd: cmd, out: reader}
}

// TestWriterProcess is not a test but the body of the process that
// startProcess starts.
func TestWriterProcess(t *testing.T) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		t.Skip("only for startProcess")
	}
	store, err := Open(t.Context(), Options{DataDir: dir})
	require.NoError(t, err)
	fmt.Println("ready")
	for {
		value := time.Now().UTC().Format("2006-01-02T15:04:05.000000000")
		if _, err := store.Commit(t.Context(), put("last", value)); err != nil {
			t.Fatal(err)
		}
		fmt.Println(value)
	}
}

func TestADirectoryThatCannotBeUsedIsRefused(t *testing.T) {
	readOnly := filepath.Join(t.TempDir(), "read-only")
	require.NoError(t, os.Mkdir(readOnly, 0o700))
	if os.Geteuid() == 0 { // whom permissions do not stop
		mountTmpfs(t, readOnly, syscall.MS_RDONLY, "size=1m")
	} else {
		require.NoError(t, os.Chmod(readOnly, 0o500))
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, dir := range map[string]string{"read-only": readOnly, "below a file": filepath.Join(file, "data"), "a file": file} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Options{DataDir: dir})
			require.ErrorContains(t, err, "the data directory "+dir)
		})
	}
	t.Run("read-only after it was used", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs root to mount")
		}
		dir := t.TempDir()
		mountTmpfs(t, dir, 0, "size=300m")
		store, err := Open(t.Context(), Options{DataDir: dir})
		require.NoError(t, err)
		require.NoError(t, store.Close())
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
		_, err = Open(t.Context(), Options{DataDir: dir})
		require.ErrorContains(t, err, "read-only")
	})
	t.Run("damaged", func(t *testing.T) {
		dir := t.TempDir()
		store, err := Open(t.Context(), Options{DataDir: dir})
		require.NoError(t, err)
		require.NoError(t, store.Close())
		logs, err := filepath.Glob(filepath.Join(dir, "etcd", "member", "wal", "*.wal"))
		require.NoError(t, err)
		for _, log := range logs {
			require.NoError(t, os.WriteFile(log, make([]byte, 1<<20), 0o600))
		}
		// In a process of its own: etcd leaves goroutines when it cannot start.
		out, err := writerCommand(dir).Output()
		require.Error(t, err)
		require.Contains(t, string(out), "the embedded etcd in "+filepath.Join(dir, "etcd")+" cannot start")
		t.Logf("%s", out)
	})
}

func mountTmpfs(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

func TestAFullDiskRefusesWritesAndLosesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	mountTmpfs(t, dir, 0, "size=40m")
	_, err := Open(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, "nearly full")

	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=300m"))
	store, err := Open(t.Context(), Options{DataDir: dir})
	require.NoError(t, err)
	var refused error
	acknowledged := 0
	for ; refused == nil && acknowledged < 1000; acknowledged++ {
		_, refused = store.Commit(t.Context(), put(fmt.Sprint("k", acknowledged), strings.Repeat("x", 900<<10)))
	}
	acknowledged--
	require.Equal(t, engine.CodeExhausted, engine.CodeOf(refused))
	require.ErrorContains(t, refused, "nearly full")
	require.Positive(t, acknowledged)
	last := fmt.Sprint("k", acknowledged-1)
	require.NotEmpty(t, valueOf(t, store, last))
	require.Empty(t, valueOf(t, store, fmt.Sprint("k", acknowledged)))
	require.NoError(t, store.Close())

	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=800m"))
	store = open(t, Options{DataDir: dir})
	require.NotEmpty(t, valueOf(t, store, last))
	_, err = store.Commit(t.Context(), put("k", "there is room again"))
	require.NoError(t, err)
}

func TestAFullDatabaseSaysSo(t *testing.T) {
	store := open(t, Options{DataDir: t.TempDir(), Embedded: Embedded{QuotaBytes: 8 << 20}})
	var refused error
	for i := 0; refused == nil && i < 100; i++ {
		_, refused = store.Commit(t.Context(), put(fmt.Sprint("k", i), strings.Repeat("x", 900<<10)))
	}
	require.Equal(t, engine.CodeExhausted, engine.CodeOf(refused))
	require.ErrorContains(t, refused, "the store is full")
	require.NotEmpty(t, valueOf(t, store, "k0"), "reading goes on")
}
