package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// A connection that is silent for keepAliveTime is probed, and given up when
// nothing comes back for keepAliveTimeout. etcd by default cuts clients that
// probe more often than every 5 s.
const (
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 3 * time.Second
)

// reconnecting is how a lost connection is tried again. gRPC would by default
// wait up to two minutes after a longer outage.
var reconnecting = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: keepAliveTimeout,
}

// connectTwice returns two clients, so that what is urgent has a connection
// that nothing else can fill.
func connectTwice(ctx context.Context, o Options) (client, urgent *clientv3.Client, err error) {
	if client, err = connect(ctx, o); err != nil {
		return nil, nil, err
	}
	if urgent, err = connect(ctx, o); err != nil {
		return nil, nil, errors.Join(err, closeClient(client))
	}
	return client, urgent, nil
}

// connect reaches an external cluster, for which it waits as long as the dial
// timeout allows, and checks its version.
func connect(ctx context.Context, o Options) (*clientv3.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	for {
		client, err := tryConnecting(ctx, o)
		if err == nil || !passing(err) || ctx.Err() != nil {
			return client, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(longestPause):
		}
	}
}

func tryConnecting(ctx context.Context, o Options) (*clientv3.Client, error) {
	config := clientv3.Config{
		Endpoints:            o.Endpoints,
		DialTimeout:          o.DialTimeout,
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		TLS:                  o.TLS,
		Username:             o.Username,
		Password:             o.Password,
		// What goes wrong with a connection is in the errors of the calls.
		Logger: zap.NewNop(),
		// The store tries again by itself, because it must know of a failed
		// try. The second one is for a login that has run out.
		MaxUnaryRetries: 2,
		DialOptions:     []grpc.DialOption{grpc.WithChainUnaryInterceptor(failFast), grpc.WithConnectParams(reconnecting)},
	}
	if o.TLS != nil && o.TLS.ServerName != "" {
		// The client takes the name from the endpoint, unless told otherwise.
		config.DialOptions = append(config.DialOptions, grpc.WithAuthority(o.TLS.ServerName))
	}
	client, err := clientv3.New(config)
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
	endpoints := client.Endpoints()
	failures := make([]error, len(endpoints))
	var members errgroup.Group
	for i, endpoint := range endpoints {
		members.Go(func() error {
			status, err := client.Status(ctx, endpoint)
			if failures[i] = err; err != nil {
				return nil //nolint:nilerr // it is an error only when no member answers
			}
			if err := checkVersion(status.Version); err != nil {
				return fmt.Errorf("etcd at %s is refused: %w", endpoint, err)
			}
			return nil
		})
	}
	if err := members.Wait(); err != nil {
		return err
	}
	if slices.Contains(failures, nil) {
		return nil
	}
	return unreachable(endpoints, errors.Join(failures...))
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
