package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
)

func TestNodeListAndGet(t *testing.T) {
	s := newSite(t, withModules(t), func(o *engine.Options, _ *rest.Options) {
		o.Node = engine.Node{ID: "pod-7", Address: "10.0.0.7:8080", Release: "1.2.3"}
	})
	require.Eventually(t, func() bool { return s.run(t, "node", "get", "pod-7").code == exitDone }, 10*time.Second, 20*time.Millisecond)
	digest := line(t, s.must(t, "module", "upload", packed(t)), "digest")
	require.Equal(t, "READY", line(t, s.must(t, "service", "deploy", "custom", "--module", digest), "node pod-7"))
	require.Eventually(t, func() bool { return s.get(t, "node", "get", "pod-7")["services"] != nil }, 10*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		return line(t, s.must(t, "node", "get", "pod-7")+"service custom  -\n", "service custom") == "revision 1 "+digest[:19]+" READY"
	}, 10*time.Second, 20*time.Millisecond)
	require.Regexp(t, `(?s)^ID .*\npod-7 +10.0.0.7:8080 +1.2.3 +\S+ +1 *`, s.must(t, "node", "list"))
	s.refused(t, "not_found", "node", "get", "pod-8")
}

func TestANodeIsNamedAfterItsHost(t *testing.T) {
	c, err := config.Load(config.Options{})
	require.NoError(t, err)
	alone := nodeID(c, "")
	require.Equal(t, alone, nodeID(c, ""), "the state of an embedded etcd has one node")
	_, err = engine.ParseNodeID(string(alone))
	require.NoError(t, err)
	c.Etcd.Endpoints = []string{"a:1"}
	oneOfSeveral := nodeID(c, "")
	require.NotEqual(t, oneOfSeveral, nodeID(c, ""))
	c.Node.ID = "mine"
	require.Equal(t, engine.NodeID("mine"), nodeID(c, ""))
}
