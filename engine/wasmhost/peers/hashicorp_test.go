package peers

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/shared"
)

// asPlugin tells a process that it is a child.
var asPlugin = shared.Handshake

type store struct{}

func (store) Put(string, []byte) error   { return nil }
func (store) Get(string) ([]byte, error) { return answer, nil }

func servePlugin() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: asPlugin, GRPCServer: plugin.DefaultGRPCServer,
		Plugins: map[string]plugin.Plugin{shared.PluginGRPC: &shared.KVGRPCPlugin{Impl: store{}}},
	})
}

// hashicorp is a plug-in of hashicorp/go-plugin over gRPC: this program once
// more, in a process of its own.
func hashicorp(tb testing.TB) asked {
	tb.Helper()
	self, err := os.Executable()
	fatal(tb, err)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: asPlugin, Plugins: shared.PluginMap, Cmd: exec.Command(self),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	tb.Cleanup(client.Kill)
	connection, err := client.Client()
	fatal(tb, err)
	dispensed, err := connection.Dispense(shared.PluginGRPC)
	fatal(tb, err)
	return func() ([]byte, error) { return dispensed.(shared.KV).Get(application + " " + id) }
}
