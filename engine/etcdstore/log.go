package etcdstore

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger hands warnings and errors of etcd to log. Once muted is set it
// drops all but what ends the process: etcd reports its own stop as errors.
//
// A message is written at most five times a minute: a member that is gone
// makes the others report it every few seconds, in several ways.
func zapLogger(log *slog.Logger, muted *atomic.Bool) *zap.Logger {
	const most = 5
	return zap.New(zapcore.NewSamplerWithOptions(&zapCore{log: log.With("component", "etcd"), muted: muted}, time.Minute, most, 0))
}

// zapCore is a zapcore.Core that writes to slog.
type zapCore struct {
	log   *slog.Logger
	muted *atomic.Bool
}

func (c *zapCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && (level > zapcore.ErrorLevel || !c.muted.Load())
}

func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{log: slog.New(c.log.Handler().WithAttrs(attributes(fields))), muted: c.muted}
}

func (c *zapCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	attrs := attributes(fields)
	if expected(e.Message, attrs) {
		return nil
	}
	level := slog.LevelWarn
	if e.Level >= zapcore.ErrorLevel {
		level = slog.LevelError
	}
	c.log.LogAttrs(context.Background(), level, e.Message, attrs...) //nolint:sloglint // the message is etcd's
	return nil
}

// expected tells whether etcd warns of what is meant to be so.
func expected(message string, attrs []slog.Attr) bool {
	switch message {
	case "Running http and grpc server on single port. This is not recommended for production.",
		"simple token is not cryptographically signed", // nobody logs in at the socket
		"scheme is http or unix while key and cert files are present; ignoring key and cert files",
		"scheme is http or unix while --client-cert-auth is enabled; ignoring client cert auth for this URL", // at the socket too
		"rejecting member add request; local member has not been connected to majority peers, reconfigure breaks active quorum",
		"rejecting member remove request; local member has not been connected to all peers, reconfigure breaks active quorum",
		"rejecting promote learner: learner is not ready": // who joins asks again, and says so
		return true
	case "Failed to detect schema version", "failed to update storage version":
		// A new database is asked for its version before the first flush, some
		// milliseconds after the start. etcd asks again later.
		return slices.ContainsFunc(attrs, func(a slog.Attr) bool {
			return a.Key == "error" && strings.Contains(a.Value.String(), "missing term information")
		})
	}
	// A single member tries to elect itself before it has applied its own
	// membership, and tries again a tick later.
	return strings.HasSuffix(message, "since there are still pending configuration changes to apply")
}

func (c *zapCore) Sync() error { return nil }

// revealing are the names of etcd's fields that may hold keys or values, some
// of which are secrets.
var revealing = regexp.MustCompile(`(?i)key|value|req|range|token`)

func attributes(fields []zapcore.Field) []slog.Attr {
	encoder := zapcore.NewMapObjectEncoder()
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		if !revealing.MatchString(f.Key) {
			f.AddTo(encoder)
		}
	}
	for name, value := range encoder.Fields {
		attrs = append(attrs, slog.Any(name, value))
	}
	return attrs
}
