package wasmhost

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestATinyModuleServes(t *testing.T) {
	w := newWorld(t, Options{})
	w.deploy("tiny", tiny(t), engine.ServiceSpec{})
	app := w.app("tiny")
	c, err := w.lookup(app, "x")
	require.NoError(t, err)
	require.Equal(t, engine.Credentials{ID: "x", Body: []byte("fixed"), Status: engine.Available}, c)
	require.NoError(t, w.provision(app, "y"))
	v, err := w.verify(app, "x")
	require.NoError(t, err)
	require.True(t, v.Accepted)
}

func TestAGoModuleServes(t *testing.T) {
	w := newWorld(t, Options{CacheDir: compiled})
	w.deploy("full", goGuest(t), engine.ServiceSpec{Config: []byte(`{"prefix":"a/","quota":3}`)})
	app := w.app("full")
	_, err := w.lookup(app, "x")
	requireCode(t, engine.CodeNotFound, err)
	require.NoError(t, w.provision(app, "x"))
	c, err := w.lookup(app, "x")
	require.NoError(t, err)
	require.Equal(t, engine.Available, c.Status)
	require.Equal(t, "body", string(c.Body))
	require.False(t, c.NotAfter.IsZero())
	v, err := w.verify(app, "x")
	require.NoError(t, err)
	require.True(t, v.Accepted)
	require.Len(t, w.log.lines("module log", "provide", "service=full", "request=req-1", "application="+string(app)), 1)
}
