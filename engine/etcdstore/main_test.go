package etcdstore

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails on goroutines that are left over. It gives them some time: a
// member that stops may leave a connection to its other end, which gives it up
// after five seconds without a word.
func TestMain(m *testing.M) {
	code := m.Run()
	for began := time.Now(); code == 0; {
		err := goleak.Find()
		if err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
