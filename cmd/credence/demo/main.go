// Command demo walks through the main job of Credence with the real program: it
// starts a server on an embedded etcd in a temporary folder, and then
// provisions, verifies, deploys a module and revokes with the command line,
// printing each command and its answer. At the end the server goes on until it
// is interrupted; with DEMO_EXIT=1 it ends.
//
//	go run ./cmd/credence/demo BINARY MODULE
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo BINARY MODULE")
		os.Exit(2)
	}
	if err := demo(ctx, os.Stdout, os.Args[1], os.Args[2], os.Getenv("DEMO_EXIT") == "1"); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo runs the story and keeps the server until ctx is done, or not at all.
func demo(ctx context.Context, out io.Writer, binary, module string, exit bool) (err error) {
	dir, err := os.MkdirTemp("", "credence-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := start(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	teller := &teller{out: out, binary: binary, env: server.env()}
	if err := teller.tell(ctx, dir, module); err != nil {
		return err
	}
	if exit {
		return nil
	}
	fmt.Fprintf(out, `
The server goes on until you press Ctrl-C; its data go with it.

  address   %s
  login     admin
  password  %s

  export CREDENCE_SERVER=%[1]s CREDENCE_PASSWORD=%[2]s
  %[3]s app list
`, server.url, server.password, binary)
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.ended:
		return fmt.Errorf("the server ended: %w", err)
	}
}

// teller runs commands and shows them with their answers.
type teller struct {
	out    io.Writer
	binary string
	env    []string
}

// sayf prints a heading of the story.
func (t *teller) sayf(format string, args ...any) {
	fmt.Fprintf(t.out, "\n\033[1m%s\033[0m\n", fmt.Sprintf(format, args...))
}

// show runs a command of the command line, prints both, and fails unless it
// ends with the exit code that the story expects.
func (t *teller) show(ctx context.Context, code int, args ...string) error {
	fmt.Fprintf(t.out, "$ credence %s\n", shellWords(args))
	var answer bytes.Buffer
	got := t.run(ctx, &answer, args)
	for line := range bytes.Lines(answer.Bytes()) {
		fmt.Fprintf(t.out, "  %s", line)
	}
	if got != code {
		return fmt.Errorf("credence %s ended with %d, expected %d", shellWords(args), got, code)
	}
	return nil
}

func (t *teller) run(ctx context.Context, out io.Writer, args []string) int {
	cmd := exec.CommandContext(ctx, t.binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = t.env, out, out
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return -1
	}
	return 0
}
