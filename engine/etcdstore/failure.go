package etcdstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credence-engine/credence/engine"
)

var errClosed = &engine.Error{Code: engine.CodeUnavailable, Message: "the store is closed: the node is stopping"}

// refusals are etcd's answers that mean: not done, and trying again is no use.
// Everything else leaves open whether a commit was applied.
var refusals = []struct {
	err     error
	code    engine.Code
	message string
}{
	{rpctypes.ErrCompacted, engine.ErrCompacted.Code, engine.ErrCompacted.Message},
	{rpctypes.ErrNoSpace, engine.CodeExhausted, "the store is full: raise the quota of etcd or delete what is not needed, then compact, defragment and disarm its NOSPACE alarm"},
	{rpctypes.ErrRequestTooLarge, engine.CodeInvalid, "the change is larger than etcd's max-request-bytes, which must be at least 1.5 MiB, its default"},
	{rpctypes.ErrTooManyOps, engine.CodeInvalid, "the change has more parts than etcd's max-txn-ops, which must be at least 128, its default"},
	{rpctypes.ErrDuplicateKey, engine.CodeInvalid, "the change writes a key twice"},
	{rpctypes.ErrPermissionDenied, engine.CodeUnavailable, "etcd denies its user the access: grant the user's role reading and writing of the whole prefix"},
	{rpctypes.ErrUserEmpty, engine.CodeUnavailable, "etcd asks for a user: configure the user name and password of etcd"},
	{rpctypes.ErrAuthFailed, engine.CodeUnavailable, "etcd refuses the user name or the password"},
	{rpctypes.ErrUserNotFound, engine.CodeUnavailable, "etcd does not know the configured user"},
	{rpctypes.ErrCorrupt, engine.CodeUnavailable, "etcd has raised its CORRUPT alarm: repair the cluster before anything else"},
}

// refusal returns the answer for an error that is a clean refusal, or nil. A
// watch tells of one as text behind a code, everything else as a type.
func refusal(err error) *engine.Error {
	err = rpctypes.Error(err)
	for _, r := range refusals {
		switch {
		case !errors.Is(err, r.err) && !strings.HasSuffix(err.Error(), " "+r.err.Error()):
		case r.code == engine.CodeCompacted:
			return engine.ErrCompacted
		default:
			return engine.Wrap(err, r.code, r.message)
		}
	}
	return nil
}

// passing tells whether the same read may succeed in a moment. A login that
// has run out is renewed with the next try.
func passing(err error) bool {
	if e, ok := errors.AsType[rpctypes.EtcdError](rpctypes.Error(err)); ok {
		switch e {
		case rpctypes.ErrTooManyRequests, rpctypes.ErrNotLeader, rpctypes.ErrInvalidAuthToken, rpctypes.ErrAuthOldRevision:
			return true
		}
		return e.Code() == codes.Unavailable
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Aborted:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// failed is the answer to a read that did not succeed for good.
func (s *Store) failed(ctx context.Context, err error) error {
	if refused := refusal(err); refused != nil {
		return refused
	}
	switch {
	case s.isClosed():
		return errClosed
	case ctx.Err() != nil && isContextError(err):
		return engine.Wrap(ctx.Err(), engine.CodeDeadline, "the request ended before the store answered")
	}
	return engine.Wrap(err, engine.CodeUnavailable, "the store cannot be reached: see the log for the state of etcd")
}

func isContextError(err error) bool {
	code := status.Code(err)
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		code == codes.DeadlineExceeded || code == codes.Canceled
}

// Pauses between tries: the first is about a round trip, the longest short
// against the seconds that a change of etcd's leader takes.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// pause waits before the given try, the first being 0. It reports false when
// ctx or the store ended.
func (s *Store) pause(ctx context.Context, try int) bool {
	d := min(firstPause<<min(try, 10), longestPause)
	timer := time.NewTimer(d/2 + rand.N(d)) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}
