package simulation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// swappedName is a custom service whose modules replace each other. Each signs
// its answers by a validity that no other gives, so that the history knows who
// decided.
const swappedName engine.ServiceName = "Swapped"

// firstSignature is the end of validity that module 0 gives.
var firstSignature = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)

// modules runs what looks like modules to the engine: texts that end in their
// number.
type modules struct{ node *node }

func textOf(number int) []byte { return fmt.Appendf(nil, "module %d", number) }

func moduleOf(number int) engine.Digest { return engine.DigestOf(textOf(number)) }

// signedBy is the module that has decided about the credentials.
func signedBy(c engine.Credentials) engine.Digest {
	return moduleOf(int(c.NotAfter.Sub(firstSignature) / time.Second))
}

// swap uploads a module and deploys it.
func swap(ctx context.Context, e *engine.Engine, number int) error {
	who := caller(engine.DefaultTenant)
	if _, err := e.UploadModule(ctx, who, textOf(number)); err != nil {
		return err
	}
	_, err := e.DeployService(ctx, who, swappedName, engine.ServiceSpec{Module: moduleOf(number)}, engine.DeployOptions{})
	return err
}

func (m modules) Inspect(context.Context, []byte) (engine.Module, error) {
	return engine.Module{ABI: 1, Methods: []string{"lookup_credentials"}}, nil
}

// Start takes its time, as a compilation does.
func (m modules) Start(ctx context.Context, _ engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	wasm, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(strings.TrimPrefix(string(wasm), "module "))
	if err != nil {
		return nil, engine.Wrap(err, engine.CodeInvalid, "not a module of this simulation")
	}
	if m.node != nil {
		w := m.node.world
		time.Sleep(w.chance.about("start").number(uint64(m.node.number)).number(uint64(number)).between(0, 300*time.Millisecond))
		m.node.awake(ctx)
	}
	return swapped{number: number}, nil
}

// swapped is one of the modules, started.
type swapped struct {
	slow
	number int
}

func (s swapped) Provide(_ context.Context, _ *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	return c, nil
}

func (s swapped) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	c, err := tx.Credentials(ctx, id)
	if err == nil && c.ID == "" {
		err = engine.ErrNotFound
	}
	c.NotAfter = firstSignature.Add(time.Duration(s.number) * time.Second)
	return c, err
}

func (swapped) Close() {}
