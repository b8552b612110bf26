package etcdstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// Settings of the embedded server.
const (
	// historyKept is how long etcd keeps what was overwritten: the time for
	// which a listing can be continued page by page, and a watch resumed.
	historyKept = 10 * time.Minute
	// progressEvery is how often a quiet watch learns how far it has come; it
	// is short against historyKept, so that it can be resumed from there.
	progressEvery = time.Minute
	// A member waits up to twice electionMillis before it elects itself. Alone
	// it need not wait for others' heartbeats, so this may be short.
	tickMillis     = 10
	electionMillis = 100
)

// server is the embedded etcd. It listens on one socket in the data directory,
// for the tools of operators, and on no TCP port.
type server struct {
	etcd    *embed.Etcd
	dir     string
	lock    *lock
	sockets *sockets
	muted   atomic.Bool
}

func startServer(ctx context.Context, o Options) (*server, error) {
	s := &server{dir: o.DataDir}
	if err := s.prepare(); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.launch(ctx, o); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// prepare makes the data directory and sees that it can be used.
func (s *server) prepare() (err error) {
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return fmt.Errorf("the data directory %s cannot be found: %w", s.dir, err)
	}
	if err = os.MkdirAll(s.etcdDir(), 0o700); err != nil {
		return fmt.Errorf("the data directory %s cannot be made: %w", s.dir, err)
	}
	if s.lock, err = takeLock(s.dir); err != nil {
		return err
	}
	if err = tryWriting(s.etcdDir()); err != nil {
		return fmt.Errorf("the data directory %s cannot be written to: %w", s.dir, err)
	}
	if err = s.hasRoomToStart(); err != nil {
		return err
	}
	s.sockets, err = makeSockets(s.dir)
	return err
}

func (s *server) etcdDir() string { return filepath.Join(s.dir, "etcd") }

// launch starts etcd and waits until it can answer.
func (s *server) launch(ctx context.Context, o Options) error {
	config := s.config(o)
	etcd, err := start(config)
	if err != nil {
		return fmt.Errorf("the embedded etcd in %s cannot start: %w", s.etcdDir(), err)
	}
	s.etcd = etcd
	select {
	case <-etcd.Server.ReadyNotify():
		return nil
	case err := <-etcd.Err():
		return fmt.Errorf("the embedded etcd in %s ended while starting: %w", s.etcdDir(), err)
	case <-ctx.Done():
		return fmt.Errorf("the embedded etcd in %s was not ready in time: %w", s.etcdDir(), context.Cause(ctx))
	}
}

// start turns a panic of etcd, its way to report a damaged or unwritable
// directory, into an error.
func start(config *embed.Config) (etcd *embed.Etcd, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("it broke down over what it found there, see the log, and restore a backup if the disk is sound: %v", cause)
		}
	}()
	return embed.StartEtcd(config)
}

func (s *server) config(o Options) *embed.Config {
	socket := []url.URL{{Scheme: "unix", Path: s.sockets.client()}}
	config := embed.NewConfig()
	config.Name = "credence"
	config.Dir = s.etcdDir()
	config.ListenPeerUrls = nil // it stays alone
	config.AdvertisePeerUrls = []url.URL{{Scheme: "unix", Path: "/nowhere"}}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.InitialClusterToken = rand.Text() // no two data directories are taken for one cluster
	config.ListenClientUrls = socket
	config.AdvertiseClientUrls = socket
	config.EnableGRPCGateway = false
	config.TickMs = tickMillis
	config.ElectionMs = electionMillis
	config.QuotaBackendBytes = o.Embedded.QuotaBytes
	config.AutoCompactionMode = embed.CompactorModePeriodic
	config.AutoCompactionRetention = historyKept.String()
	config.WatchProgressNotifyInterval = progressEvery
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(o.Logger, &s.muted))
	return config
}

// client reaches the server without a connection.
func (s *server) client() *clientv3.Client { return v3client.New(s.etcd.Server) }

// stop ends what has been started, at whatever point the start ended.
func (s *server) stop() {
	s.muted.Store(true)
	if s.etcd != nil {
		s.etcd.Close()
	}
	if s.sockets != nil {
		s.sockets.remove()
	}
	if s.lock != nil {
		s.lock.release()
	}
}

// tryWriting makes a file in dir and removes it.
func tryWriting(dir string) error {
	file, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, os.Getpagesize()))
	return errors.Join(err, file.Close(), os.Remove(file.Name()))
}
