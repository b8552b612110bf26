package rest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
)

// weakRuntime is that of a node that cannot run what others can.
type weakRuntime struct{ fakeRuntime }

func (w weakRuntime) Start(ctx context.Context, s engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	if strings.Contains(string(s.Config), "heavy") {
		return nil, engine.Errorf(engine.CodeInvalid, "this node has no room for it")
	}
	return w.fakeRuntime.Start(ctx, s, fetch)
}

// join adds a second node to the site.
func (s *site) join(id engine.NodeID) {
	e := engine.New(engine.Options{
		Store: s.store.Session(), Builtins: builtin.Services(), Runtime: weakRuntime{},
		Node: engine.Node{ID: id, Address: "other:80", Release: "9"},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		require.NoError(s.t, <-ended)
		e.Close()
	})
	require.Eventually(s.t, func() bool { return s.do("GET", "/v1/nodes/"+string(id), "").status == 200 }, 10*time.Second, 5*time.Millisecond)
}

func statesOf(t *testing.T, a answer) map[string]string {
	t.Helper()
	states := map[string]string{}
	for _, n := range a.json["nodes"].([]any) {
		node := n.(map[string]any)
		states[node["id"].(string)] = node["state"].(string)
	}
	return states
}

func TestADeploymentNamesItsNodes(t *testing.T) {
	s := start(t)
	s.join("other")
	const path = "/v1/credentials-services/mine"
	first := s.deploy("mine", "one", `{}`)
	require.Equal(t, 201, first.status)
	states := statesOf(t, first)
	require.Len(t, states, 2)
	require.Equal(t, "READY", states["other"])
	require.NotContains(t, s.do("GET", path, "").json, "nodes")

	heavy := fmt.Sprintf(`{"module":%q,"config":{"heavy":true}}`, s.upload("two"))
	refusal := s.do("PUT", path, heavy)
	refused(t, refusal, 409, "conflict", "", "other: this node has no room for it")
	require.Equal(t, map[string]string{"other": "FAILED"}, statesOf(t, refusal))
	require.EqualValues(t, 1, s.do("GET", path, "").json["revision"])

	forced := s.do("PUT", path+"?force=true", heavy)
	require.Equal(t, 202, forced.status, forced.text)
	require.Equal(t, "FAILED", statesOf(t, forced)["other"])
	require.Contains(t, forced.text, "no room")
	back := s.do("POST", path+"/rollback", "")
	require.Equal(t, 200, back.status, back.text)
	require.Equal(t, "READY", statesOf(t, back)["other"])
	refused(t, s.do("POST", path+"/rollback", ""), 409, "conflict", "", "no room")
	require.Equal(t, 202, s.do("POST", path+"/rollback?force", "").status)
	refused(t, s.do("PUT", path+"?force=perhaps", heavy), 400, "invalid", "force", "true or false")
}

func TestLiveNodesAreListed(t *testing.T) {
	s := start(t)
	require.Empty(t, s.do("GET", "/v1/nodes", "").json["items"], "the site's own engine does no background work")
	s.join("other")
	s.deploy("mine", "one", `{}`)
	require.Eventually(t, func() bool {
		return strings.Contains(s.do("GET", "/v1/nodes", "").text, `"services":[{"name":"mine","revision":1,"module":"sha256:`)
	}, 10*time.Second, 5*time.Millisecond)
	node := s.do("GET", "/v1/nodes/other", "").json
	require.Equal(t, "other:80", node["address"])
	require.Equal(t, "9", node["version"])
	require.Equal(t, "READY", node["services"].([]any)[0].(map[string]any)["state"])
	refused(t, s.do("GET", "/v1/nodes/nobody", ""), 404, "not_found", "", "no live node")
}
