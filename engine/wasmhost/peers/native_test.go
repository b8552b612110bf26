package peers

import (
	"testing"

	"github.com/credence-engine/credence/wasmabi"
)

// native answers in Go, behind an interface and with the messages of the ABI,
// as a plug-in that is compiled in would.
func native(testing.TB) asked {
	var service interface{ lookup(request []byte) []byte } = answering{}
	return func() ([]byte, error) {
		request := wasmabi.LookupRequest{ApplicationID: application, CredentialsID: id, RequestID: caller.RequestID}
		c := wasmabi.Credentials{ID: id}
		err := c.Decode(service.lookup(request.Append(nil)))
		return c.Body, err
	}
}

type answering struct{}

func (answering) lookup(request []byte) []byte {
	var asked wasmabi.LookupRequest
	if asked.Decode(request) != nil {
		return nil
	}
	c := wasmabi.Credentials{ID: asked.CredentialsID, Body: body, Status: wasmabi.Available}
	return c.Append(nil)
}
