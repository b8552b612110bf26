package wasmhost

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// SecretReader returns the value of a named secret, or engine.ErrNotFound.
type SecretReader func(ctx context.Context, name string) ([]byte, error)

// secret returns the value of a secret that the service may use. It goes into
// no log and no error.
func (c *call) secret(name string) ([]byte, wasmabi.Errno) {
	switch {
	case c.rights == nil || !slices.Contains(c.rights.secrets, name):
		return nil, wasmabi.EPERM
	case c.rights.vault == nil:
		return nil, wasmabi.ENOENT
	}
	c.checkTime()
	var (
		value []byte
		err   error
	)
	c.aside(func() { value, err = c.rights.vault(c.bounded(), name) })
	switch {
	case err == nil:
		return value, 0
	case errors.Is(err, engine.ErrNotFound):
		return nil, wasmabi.ENOENT
	}
	c.checkTime()
	why := name
	if e, ok := errors.AsType[*engine.Error](err); ok { // whose words are for people
		why += ": " + e.Message
	}
	if attributes, ok := c.log.attributes(wasmabi.Error, []byte(why), c.of); ok {
		c.log.log.LogAttrs(c.ctx, slog.LevelError, "a secret cannot be read for a module", attributes...)
	}
	return nil, wasmabi.EAGAIN
}

func secretHmac(c *call, m api.Memory, args []uint64) int64 {
	name, data, into := c.view(m, args[0], args[1]), c.view(m, args[3], args[4]), c.view(m, args[5], args[6])
	h := hashOf(args[2])
	if h.Size() == 0 {
		return result(wasmabi.EINVAL)
	}
	key, errno := c.secret(string(name))
	if errno == 0 {
		errno = c.chargeCrypto(len(key) + len(data))
	}
	if errno != 0 {
		return result(errno)
	}
	return fill(into, sumHMAC(h, key, data))
}

func secretSign(c *call, m api.Memory, args []uint64) int64 {
	name, data, into := c.view(m, args[0], args[1]), c.view(m, args[3], args[4]), c.view(m, args[5], args[6])
	key, errno := c.secret(string(name))
	if errno == 0 {
		errno = c.chargeCrypto(wasmabi.SignBytes + len(key) + len(data))
	}
	if errno != 0 {
		return result(errno)
	}
	signature, ok := sign(signatureOf(args[2]), key, data)
	if !ok {
		return result(wasmabi.EINVAL)
	}
	return fill(into, signature)
}
