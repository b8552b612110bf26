package wasmhost

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// hostAny are the functions that testdata/wat/host-any.wat imports, in the
// order in which the first byte of its input numbers them.
var hostAny = []string{
	wasmabi.ImportInputRead, wasmabi.ImportOutputWrite, wasmabi.ImportErrorWrite, wasmabi.ImportLogWrite, wasmabi.ImportLogEnabled,
	wasmabi.ImportConfigRead, wasmabi.ImportDeadlineMs, wasmabi.ImportKvGet, wasmabi.ImportKvPut, wasmabi.ImportKvDelete, wasmabi.ImportKvScan,
	wasmabi.ImportClockNow, wasmabi.ImportRandomFill, wasmabi.ImportHTTPCall, wasmabi.ImportResultRead, wasmabi.ImportSecretHmac,
	wasmabi.ImportSecretSign, wasmabi.ImportCryptoHash, wasmabi.ImportCryptoHmac, wasmabi.ImportCryptoVerify,
}

const firstHostAny = 128

// dataAt is where the bytes after the arguments lie in the guest's memory.
const dataAt = 256 + 1 + 7*4

// hostInput makes an input for host-any.wat. A string argument becomes a
// pointer and a length.
func hostInput(name string, args ...any) []byte {
	input := []byte{firstHostAny + byte(slices.Index(hostAny, name))}
	var data []byte
	for _, arg := range args {
		switch v := arg.(type) {
		case int:
			input = binary.LittleEndian.AppendUint32(input, uint32(v))
		case string:
			input = binary.LittleEndian.AppendUint32(input, uint32(dataAt+len(data)))
			input = binary.LittleEndian.AppendUint32(input, uint32(len(v)))
			data = append(data, v...)
		}
	}
	for len(input) < dataAt-256 {
		input = binary.LittleEndian.AppendUint32(input, 0)
	}
	return append(input, data...)
}

// FuzzHostFunctionsFromAModule gives every function of the host arbitrary arguments, from
// a real module. What comes back is a number or the end of the call: never
// another error, and never a panic of the host.
func FuzzHostFunctionsFromAModule(f *testing.F) {
	s := serve(f, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answer") })
	w := newWorld(f, Options{Ceiling: Ceiling{AllowPrivate: true}, Secrets: keep(map[string]string{"key": token, "signer": "no key"})})
	manifest := `{"abi":1,"name":"x","version":"1","capabilities":{"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["key","signer"],"http":[{"url":"` + s.URL + `/","methods":["GET","POST"]}]}}`
	w.deploy("any", withManifest(f, wattest.Module(f, "host-any"), manifest), engine.ServiceSpec{
		Grants: []byte(`{"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["key","signer"],"http":[` + rule(s.URL+"/", true, "GET", "POST") + `]}`),
	})
	service := w.runtime.service("any")
	config, err := configure([]byte(`{"a":[1,{"b":null}]}`), nil)
	require.NoError(f, err)

	request := wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/x", Headers: []wasmabi.Header{{Name: "k", Secret: "key"}}, TimeoutMs: 1000}
	spkiOf := "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00" + string(make([]byte, 32))
	for _, seed := range [][]byte{
		hostInput(wasmabi.ImportHTTPCall, string(request.Append(nil))),
		hostInput(wasmabi.ImportResultRead, 1, 1024, 1000, 0),
		hostInput(wasmabi.ImportSecretHmac, "key", 1, "data", 1024, 64),
		hostInput(wasmabi.ImportSecretSign, "signer", 1, "data", 1024, 64),
		hostInput(wasmabi.ImportCryptoHash, 2, "data", 1024, 64),
		hostInput(wasmabi.ImportCryptoHmac, 3, "key", "data", 1024, 64),
		hostInput(wasmabi.ImportCryptoVerify, 1, spkiOf, "data", string(make([]byte, 64))),
		hostInput(wasmabi.ImportCryptoVerify, 3, spkiOf, "data", "s"),
		hostInput(wasmabi.ImportKvPut, "key", "value"),
		hostInput(wasmabi.ImportKvScan, "k", "", 1024, 1000),
		hostInput(wasmabi.ImportKvGet, "key", 1024, 1000),
		hostInput(wasmabi.ImportConfigRead, "/a/1/b", 1024, 100),
		hostInput(wasmabi.ImportLogWrite, 1, "text\x1b"),
		hostInput(wasmabi.ImportOutputWrite, -1, 1), hostInput(wasmabi.ImportInputRead, 1<<18-1, 1, -1), hostInput(wasmabi.ImportRandomFill, 0, -1),
		hostInput(wasmabi.ImportErrorWrite, -1, -1), hostInput(wasmabi.ImportLogEnabled, 7), hostInput(wasmabi.ImportDeadlineMs),
		hostInput(wasmabi.ImportClockNow), hostInput(wasmabi.ImportKvDelete, "key"),
	} {
		f.Add(seed)
	}
	known := []wasmabi.Errno{wasmabi.EPERM, wasmabi.ENOENT, wasmabi.E2BIG, wasmabi.EAGAIN, wasmabi.EINVAL, wasmabi.EDQUOT}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 || len(input) > 100_000 {
			return
		}
		require.NoError(t, w.units.work(t, func(ctx context.Context, tx *engine.Tx) error {
			i, err := service.start(ctx, config, subject{"app", "req"})
			require.NoError(t, err)
			defer i.close()
			c := &i.call
			c.begin(ctx, tx, subject{"app", "req"}, time.Now().Add(10*time.Second))
			defer c.end()
			c.input = append(c.input[:0], input...)
			i.stack[0] = uint64(len(input))
			if err := i.functions[lookup].CallWithStack(i.ctx, i.stack[:]); err != nil {
				var stopped *fault
				require.ErrorAs(t, c.blame(err), &stopped)
				require.Equal(t, violated, stopped.kind, "%v", err)
				require.Contains(t, stopped.cause.Error(), "are outside of the memory")
				return nil
			}
			require.Zero(t, api.DecodeI32(i.stack[0]))
			n := int(input[0]) - firstHostAny
			if n >= 0 && n < len(hostAny) && hostAny[n] != wasmabi.ImportOutputWrite {
				require.Len(t, c.output, 8)
				if n := int64(binary.LittleEndian.Uint64(c.output)); n < 0 {
					require.Contains(t, known, wasmabi.Errno(-n))
				}
			}
			return nil
		}))
	})
}
