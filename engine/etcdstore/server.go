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
	"go.etcd.io/etcd/server/v3/storage/wal"
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
	// handOverTimeout is how long a member that stops waits for another one to
	// lead. It takes some round trips.
	handOverTimeout = 2 * time.Second
	// goneTimeout is how long a server that is stopping may take to have stopped.
	goneTimeout = 10 * time.Second
)

// server is the embedded etcd. It listens on one socket in the data directory,
// for the tools of operators, and on no TCP port unless it is a member of a
// cluster.
type server struct {
	etcd    *embed.Etcd
	dir     string
	member  *member // nil: it stands alone
	lock    *lock
	sockets *sockets
	muted   atomic.Bool
}

func startServer(ctx context.Context, o Options) (*server, error) {
	s := &server{dir: o.DataDir}
	for _, step := range []func() error{
		s.prepare,
		func() error { return s.enrol(ctx, o) },
		func() error { return s.launch(ctx, o) },
		func() error { return s.settle(ctx) },
	} {
		if err := step(); err != nil {
			s.stop()
			return nil, err
		}
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

// hasState tells whether etcd has been started in the data directory.
func (s *server) hasState() bool { return wal.Exist(filepath.Join(s.etcdDir(), "member", "wal")) }

// enrol makes the server a member of a cluster, if it is to be one.
func (s *server) enrol(ctx context.Context, o Options) error {
	if o.Cluster == nil {
		kept, err := loadIdentity(s.dir)
		if err == nil && kept != nil && (kept.Formed || s.hasState()) {
			err = fmt.Errorf("the data directory %s is that of the member %s of a cluster: start it with --cluster", s.dir, kept.Name)
		}
		return err
	}
	o.DataDir = s.dir
	var err error
	if s.member, err = newMember(ctx, o, s.hasState()); err != nil {
		return err
	}
	if o.Cluster.Join == "" || s.hasState() {
		return nil
	}
	return s.member.joinCluster(ctx, o)
}

// settle waits until the member is one that votes.
func (s *server) settle(ctx context.Context) error {
	if s.member == nil {
		return nil
	}
	client := s.client()
	defer func() { _ = closeClient(client) }()
	return s.member.settle(ctx, uint64(s.etcd.Server.MemberID()), client)
}

// launch starts etcd and waits until it can answer.
func (s *server) launch(ctx context.Context, o Options) error {
	config := s.config(o)
	etcd, err := start(config)
	if err != nil {
		return fmt.Errorf("the embedded etcd in %s cannot start: %w", s.etcdDir(), err)
	}
	s.etcd = etcd
	waiting := time.NewTicker(sayEvery)
	defer waiting.Stop()
	for {
		select {
		case <-etcd.Server.ReadyNotify():
			return nil
		case <-waiting.C:
			if s.member != nil {
				s.member.log.Warn("waiting for a majority of the cluster's members: see that they run, have the same secret, and reach each other's ports",
					"member", s.member.Name, "address", s.member.Peer)
			}
		case <-etcd.Server.StopNotify():
			return s.ended(errors.New("it does not say why, see the log"))
		case err := <-etcd.Err():
			return s.ended(err)
		case <-ctx.Done():
			return fmt.Errorf("the embedded etcd in %s was not ready in time: %w", s.etcdDir(), context.Cause(ctx))
		}
	}
}

var errRemoved = errors.New("this member was removed from the cluster: to have the node back, join again with a token and an empty data directory")

// ended is the answer when etcd has ended by itself: a member does so when it
// learns that it was removed. Its listeners may be the first to tell.
func (s *server) ended(cause error) error {
	if s.member != nil {
		select {
		case <-s.etcd.Server.StopNotify():
			cause = errRemoved
		case <-time.After(goneTimeout):
		}
	}
	return fmt.Errorf("the embedded etcd in %s has ended: %w", s.etcdDir(), cause)
}

// wait waits until etcd ends by itself, which is an error, or ctx is done.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.etcd.Server.StopNotify():
		return s.ended(errors.New("it does not say why, see the log"))
	case err := <-s.etcd.Err():
		return s.ended(err)
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
	if s.member != nil {
		s.member.configure(config)
	}
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(o.Logger, &s.muted))
	return config
}

// client reaches the server without a connection.
func (s *server) client() *clientv3.Client { return v3client.New(s.etcd.Server) }

// stop ends what has been started, at whatever point the start ended.
func (s *server) stop() {
	s.muted.Store(true)
	if s.etcd != nil {
		s.handOver()
		s.etcd.Close()
	}
	if s.sockets != nil {
		s.sockets.remove()
	}
	if s.lock != nil {
		s.lock.release()
	}
}

// handOver stops etcd, which first gives leadership to another member, so that
// the others need not miss it. Where that does not succeed soon, because they
// are stopping too, they elect one.
func (s *server) handOver() {
	stopped := make(chan struct{})
	go func() {
		s.etcd.Server.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(handOverTimeout):
		s.etcd.Server.HardStop()
		<-stopped
	}
}

// whileLed returns a context that ends when another member begins to lead, or
// ctx does. What a member passed on to the one before may never be answered.
func (s *server) whileLed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if s != nil && s.member != nil {
		changed := s.etcd.Server.LeaderChangedNotify()
		go func() {
			select {
			case <-changed:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
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
