// Command credence is the credentials engine: one program that serves, and that
// administers a running server.
//
//	credence serve                          run a server
//	credence app create plant               speak to it
//	credence verify --app plant ID
//	credence --help                         everything else
//
// Exit codes: 0 done (or accepted), 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)  // a second signal ends the program at once
	program, _ := os.Executable() // without it modules are compiled in this process
	w := &world{program: program, args: os.Args[1:], env: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(ctx, w))
}
