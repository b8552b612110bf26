package wasmhost

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// compileFileBytes bounds the code of one module on disk.
const compileFileBytes = 1 << 30

// niceness of a compilation: it takes what those who decide leave over.
const niceness = 5

// limitProcess bounds this process for good.
func limitProcess(task compileTask) error {
	used, err := dataBytes()
	if err != nil {
		return err
	}
	for resource, limit := range map[int]uint64{
		syscall.RLIMIT_CPU:   seconds(task.Time),
		syscall.RLIMIT_DATA:  used + uint64(task.Memory),
		syscall.RLIMIT_FSIZE: compileFileBytes,
		syscall.RLIMIT_CORE:  0,
	} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("resource %d: %w", resource, err)
		}
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
}

// dataBytes is what RLIMIT_DATA counts of this process so far: its writable
// private memory. Under the race detector that is terabytes that nobody uses.
func dataBytes() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if kib, found := bytes.CutPrefix(lines.Bytes(), []byte("VmData:")); found {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(bytes.TrimSuffix(kib, []byte("kB")))), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no line VmData")
}

// endWithParent ends the process when the thread that starts it is gone.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
