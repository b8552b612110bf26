package etcdstore

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// flight tells whether a call reached a connection: if not, etcd knows nothing
// of it.
type flight struct{ yes bool }

type flightKey struct{}

// observe returns a context under which calls are noted. In process there is
// no connection to miss.
func observe(ctx context.Context, inProcess bool) (context.Context, *flight) {
	if inProcess {
		return ctx, &flight{yes: true}
	}
	f := &flight{}
	return context.WithValue(ctx, flightKey{}, f), f
}

// failFast is a client interceptor that notes whether a call was sent. It
// makes calls fail at once while no member can be reached, with the reason,
// where etcd's client would let them wait.
func failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var member peer.Peer
	options = append(slices.Clip(options), grpc.WaitForReady(false), grpc.Peer(&member))
	err := invoke(ctx, method, request, reply, conn, options...)
	if f, ok := ctx.Value(flightKey{}).(*flight); ok && member.Addr != nil {
		f.yes = true
	}
	return err
}
