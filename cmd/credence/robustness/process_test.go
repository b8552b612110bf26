//go:build linux

package robustness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is a child that can be killed, and be made to stand still.
type process struct {
	name, dir string
	cmd       *exec.Cmd
	pid       atomic.Int64 // 0: none
	ended     chan struct{}
	began     int64 // where the log of this life begins
}

func newProcess(dir, name string) process { return process{dir: dir, name: name} }

// log is the file of what the process prints, over all its lives.
func (p *process) log() string { return filepath.Join(p.dir, p.name+".log") }

func (p *process) launch(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	info, err := log.Stat()
	require.NoError(t, err)
	p.began = info.Size()
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	p.pid.Store(int64(cmd.Process.Pid))
	go func() {
		_ = cmd.Wait()
		log.Close()
		close(ended)
	}()
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends the process as a power cut would, also when it stands still.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.ended
	p.pid.Store(0)
}

// alive tells whether the process runs, or stands still.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
