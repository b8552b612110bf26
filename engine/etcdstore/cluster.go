package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A connection that is silent for keepAliveTime is probed, and given up when
// nothing comes back for keepAliveTimeout. etcd by default cuts clients that
// probe more often than every 5 s.
const (
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 3 * time.Second
)

// connect reaches an external cluster and checks its version.
func connect(ctx context.Context, o Options) (*clientv3.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            o.Endpoints,
		DialTimeout:          o.DialTimeout,
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		TLS:                  o.TLS,
		Username:             o.Username,
		Password:             o.Password,
		Logger:               zapLogger(o.Logger, new(atomic.Bool)),
		// The store tries again by itself, because it must know of a failed
		// try. The second one is for a login that has run out.
		MaxUnaryRetries: 2,
	})
	if err != nil {
		return nil, unreachable(o.Endpoints, err)
	}
	if err := checkMembers(ctx, client); err != nil {
		return nil, errors.Join(err, closeClient(client))
	}
	return client, nil
}

// checkMembers asks each endpoint for its version. One at least must answer,
// and none may be too old.
func checkMembers(ctx context.Context, client *clientv3.Client) error {
	var failures []error
	for _, endpoint := range client.Endpoints() {
		status, err := client.Status(ctx, endpoint)
		if err != nil {
			failures = append(failures, rpctypes.Error(err))
			continue
		}
		if err := checkVersion(status.Version); err != nil {
			return fmt.Errorf("etcd at %s is refused: %w", endpoint, err)
		}
	}
	if len(failures) == len(client.Endpoints()) {
		return unreachable(client.Endpoints(), errors.Join(failures...))
	}
	return nil
}

func unreachable(endpoints []string, cause error) error {
	return fmt.Errorf("etcd at %s cannot be used: %w", strings.Join(endpoints, ","), rpctypes.Error(cause))
}

// closeClient closes a client, of which a cancelled context is the proper end.
func closeClient(client *clientv3.Client) error {
	if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("closing the connections to etcd: %w", err)
	}
	return nil
}
