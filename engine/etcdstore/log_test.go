package etcdstore

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestEtcdsLogIsHandedOnWithoutKeys(t *testing.T) {
	var out logBuffer
	var muted atomic.Bool
	log := zapLogger(out.logger(), &muted).With(zap.String("member", "one"))
	log.Info("of no interest")
	log.Warn("apply request took too long", zap.String("request", "key:token/s3cret"), zap.Stringer("raftReq", secret{}),
		zap.String("range-end", "s3cret"), zap.ByteString("key", []byte("s3cret")), zap.String("took", "1s"))
	log.Error("failed to update storage version", zap.Error(errors.New("missing term information")))
	log.Error("failed to update storage version", zap.Error(errors.New("disk broken")))
	require.NotContains(t, out.String(), "s3cret")
	require.NotContains(t, out.String(), "of no interest")
	require.NotContains(t, out.String(), "missing term")
	require.Contains(t, out.String(), `level=WARN msg="apply request took too long" component=etcd member=one took=1s`)
	require.Contains(t, out.String(), `level=ERROR msg="failed to update storage version" component=etcd member=one error="disk broken"`)

	muted.Store(true)
	log.Error("while stopping")
	require.NotContains(t, out.String(), "while stopping")
}

type secret struct{}

func (secret) String() string { return "s3cret" }
