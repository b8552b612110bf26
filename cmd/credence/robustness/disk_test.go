//go:build linux

package robustness

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// disk slows down what this process writes: the kernel hands fsync and
// fdatasync over to a filter of the process itself (seccomp's user
// notification), which lets them go on when the time has come.
type disk struct {
	delay     atomic.Int64
	installed bool
}

// slow sets by how much longer each write to the disk takes. The filter is
// there from the first time on.
func (d *disk) slow(delay time.Duration) error {
	d.delay.Store(int64(delay))
	if d.installed {
		return nil
	}
	listener, err := interceptSync()
	if err != nil {
		return err
	}
	d.installed = true
	go d.serve(listener)
	return nil
}

// The kernel's seccomp_notif and seccomp_notif_resp.
type (
	notification struct {
		id         uint64
		pid, flags uint32
		number     int32
		arch       uint32
		at         uint64
		args       [6]uint64
	}
	verdict struct {
		id     uint64
		value  int64
		errno  int32
		action uint32
	}
)

func (d *disk) serve(listener uintptr) {
	for {
		var n notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, listener, unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
			continue // the call was given up
		}
		time.AfterFunc(time.Duration(d.delay.Load()), func() {
			v := verdict{id: n.id, action: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, listener, unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&v)))
		})
	}
}

// interceptSync returns the descriptor by which this process is told of its own
// calls of fsync and fdatasync.
func interceptSync() (uintptr, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	const equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: equal, K: unix.SYS_FDATASYNC, Jt: 1},
		{Code: equal, K: unix.SYS_FSYNC, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const everyThread = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		everyThread|unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return 0, errno
	}
	return listener, nil
}

// diskEnv makes the test binary tell, by its exit code, whether it can slow
// down its disk.
const diskEnv = "CREDENCE_ROBUSTNESS_DISK"

// tryDisk syncs a file over the filter.
func tryDisk() int {
	var d disk
	if err := d.slow(time.Millisecond); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	file, err := os.CreateTemp("", "credence-disk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(file.Name())
	defer file.Close()
	if err := file.Sync(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// canSlowDisks tells whether this kernel, and the container around, let a
// process slow down its own disk.
func canSlowDisks() bool {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), diskEnv+"=try")
	return cmd.Run() == nil
}
