package rest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// runs does the engine's background work until the test ends.
func (s *site) runs() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	s.t.Cleanup(func() { cancel(); require.NoError(s.t, <-done) })
	require.Eventually(s.t, func() bool {
		nodes, err := s.engine.Nodes(ctx, engine.ListOptions{})
		return err == nil && len(nodes.Items) == 1 && nodes.Items[0].Acknowledged > 0
	}, 10*time.Second, 5*time.Millisecond)
}

// deaf puts a node on the list that never acknowledges anything.
func (s *site) deaf(id string) *enginetest.Session {
	session := s.store.Session()
	_, err := session.Commit(context.Background(), engine.Commit{Writes: []engine.Write{
		{Key: "node/" + id, Value: []byte{0xa0}, Ephemeral: true}, // an empty account
	}})
	require.NoError(s.t, err)
	return session
}

func receiptOf(a answer) map[string]any {
	receipt, _ := a.json["enforcement"].(map[string]any)
	return receipt
}

func TestARevocationAnswersWithAReceipt(t *testing.T) {
	s := start(t, func(o *Options) { o.RequestTimeout = 2 * time.Second })
	s.runs()
	path := s.provision(s.app("Internal"), "a")
	refused(t, s.do("GET", path+"/enforcement", ""), 404, "not_found", "", "not revoked")
	silent := s.deaf("silent")

	a := s.do("POST", path+"/revoke?wait=enforced", "")
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	receipt := receiptOf(a)
	require.Equal(t, "PENDING", receipt["state"])
	require.Equal(t, path+"/enforcement", receipt["url"])
	require.Equal(t, receipt["url"], a.header.Get("Location"))
	nodes := receipt["nodes"].([]any)
	require.Len(t, nodes, 2)
	for _, n := range nodes {
		n := n.(map[string]any)
		require.Equal(t, n["id"] == "silent", n["state"] == "PENDING", n)
	}
	require.Equal(t, http.StatusAccepted, s.do("GET", path+"/enforcement?wait=enforced", "").status)
	asked := s.do("GET", path+"/enforcement", "")
	require.Equal(t, 200, asked.status, asked.text)
	require.Equal(t, "PENDING", asked.str("state"))

	require.NoError(t, silent.Close())
	asked = s.do("GET", path+"/enforcement?wait=enforced", "")
	require.Equal(t, 200, asked.status, asked.text)
	require.Equal(t, "ENFORCED", asked.str("state"))
	require.Equal(t, receipt["revision"], asked.json["revision"])
	require.Len(t, asked.json["nodes"], 1)
	again := s.do("POST", path+"/revoke?wait=enforced", "")
	require.Equal(t, 200, again.status, again.text)
	require.Equal(t, receipt["revision"], receiptOf(again)["revision"])
	refused(t, s.do("GET", path+"/enforcement?wait=x", ""), 400, "invalid", "wait", "wait=enforced")
}

func TestTheEndOfSessionsAnswersWithAReceipt(t *testing.T) {
	s := start(t, func(o *Options) { o.RequestTimeout = 2 * time.Second })
	s.runs()
	app := s.app("Trustful")
	silent := s.deaf("silent")
	ended := s.do("DELETE", app+"/endpoints/ep/sessions?wait=enforced", "")
	require.Equal(t, http.StatusAccepted, ended.status, ended.text)
	url := ended.header.Get("Location")
	require.Equal(t, url, receiptOf(ended)["url"])
	require.Equal(t, "PENDING", s.do("GET", url, "").str("state"))
	require.NoError(t, silent.Close())
	require.Equal(t, "ENFORCED", s.do("GET", url+"?wait=enforced", "").str("state"))
	refused(t, s.do("GET", app+"/enforcements/999999", ""), 404, "not_found", "", "999999")
	refused(t, s.do("GET", app+"/enforcements/x", ""), 404, "not_found", "", "no revision")
}

// However many wait for a module that does not answer, rights can be taken away,
// and whoever asks how the node is gets an answer.
func TestRevokingGetsThroughACrowdedNode(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxInFlight, o.RequestTimeout = 4, 2*time.Second })
	s.deploy("STALLS", "stalls", `{}`)
	app := s.app("STALLS")
	over := make(chan struct{})
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer close(over)
	for range 12 {
		crowd.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					s.do("POST", app+"/verify", `{"credentialsId":"x"}`)
				}
			}
		})
	}
	for range 3 {
		require.Eventually(t, func() bool {
			a := s.do("POST", app+"/verify", `{"credentialsId":"x"}`)
			if a.status != http.StatusServiceUnavailable || a.str("code") != "unavailable" {
				return false
			}
			refused(t, a, 503, "unavailable", "", "in flight")
			require.Equal(t, "1", a.header.Get("Retry-After"))
			return true
		}, 20*time.Second, time.Millisecond)
		for _, path := range []string{"/livez", "/readyz", "/metrics", "/version"} {
			require.Equal(t, 200, s.do("GET", path, "").status, path)
		}
		revoked := s.do("POST", app+"/credentials/x/revoke", "")
		require.Equal(t, 200, revoked.status, revoked.text)
		require.Equal(t, 200, s.do("GET", app+"/credentials/x/enforcement", "").status)
		require.Equal(t, 200, s.do("DELETE", app+"/endpoints/x/sessions", "").status)
	}
}
