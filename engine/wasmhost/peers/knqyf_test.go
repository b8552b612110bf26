package peers

import (
	"context"
	"testing"

	"github.com/knqyf263/go-plugin/examples/helloworld/greeting"
)

// knqyf is a plug-in of knqyf263/go-plugin, in Go.
func knqyf(tb testing.TB) asked {
	tb.Helper()
	ctx := context.Background()
	loader, err := greeting.NewGreeterPlugin(ctx)
	fatal(tb, err)
	p, err := loader.Load(ctx, guest(tb, "knqyf"))
	fatal(tb, err)
	tb.Cleanup(func() { fatal(tb, p.Close(ctx)) })
	request := &greeting.GreetRequest{Name: application + " " + id}
	return func() ([]byte, error) {
		reply, err := p.Greet(ctx, request)
		return []byte(reply.GetMessage()), err
	}
}
