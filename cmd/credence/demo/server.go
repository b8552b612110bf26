package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is a running "credence serve".
type server struct {
	cmd      *exec.Cmd
	url      string
	password string
	ended    chan error
}

// start runs the program on an embedded etcd below dir, and waits until it is
// ready.
func start(ctx context.Context, binary, dir string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{
		cmd:   exec.Command(binary, "serve", "--listen", address, "--data-dir", data), //nolint:noctx // stop ends it, gracefully
		url:   "http://" + address,
		ended: make(chan error, 1),
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us; stop tells the server
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	if err := s.awaitReady(ctx, 30*time.Second); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("%w; its log:\n%s", err, text), s.stop())
	}
	password, err := os.ReadFile(filepath.Join(data, "admin-password"))
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.password = strings.TrimSpace(string(password))
	return s, nil
}

// freeAddress is the usual one, or another when something listens there.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:0"} {
		if l, err := config.Listen(ctx, "tcp", address); err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}

func (s *server) awaitReady(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if s.ready(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", ctx.Err())
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("the server ended at once: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *server) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// env is what the command line needs to reach the server.
func (s *server) env() []string {
	return append(os.Environ(), "CREDENCE_SERVER="+s.url, "CREDENCE_USER=admin", "CREDENCE_PASSWORD="+s.password)
}

// stop ends the server gracefully, and fails when it does not end well.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		return err
	case <-time.After(15 * time.Second):
		return errors.Join(errors.New("the server did not stop in time"), s.cmd.Process.Kill())
	}
}
