package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// wildGuesses is a store whose guesses are often wrong: absent, or as they were
// at any time before.
type wildGuesses struct {
	engine.Store
	mu   sync.Mutex
	past map[string][]engine.Record
}

func (s *wildGuesses) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	snap, err := s.Store.Read(ctx, c, keys...)
	if err != nil {
		return snap, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range snap.Records {
		if c.Mode == engine.ModeGuess {
			past := append(s.past[r.Key], engine.Record{Key: r.Key}, r)
			snap.Records[i] = past[rand.IntN(len(past))]
		} else if r.Exists() {
			s.past[r.Key] = append(s.past[r.Key], r)
		}
	}
	return snap, nil
}

// Many callers work on few credentials, on guesses that are mostly wrong. I1:
// nothing is accepted that was asked after a revoke returned. I3: one endpoint
// claims. I5: what was provisioned is found. No update is lost, and I7: each
// change has its audit entry.
func TestInvariantsHoldUnderARushOfWrongGuesses(t *testing.T) {
	w := newWorldOn(t, &wildGuesses{Store: enginetest.NewMemoryStore(), past: map[string][]engine.Record{}})
	app := w.app(engine.Internal)
	const ids, callers, rounds = 5, 8, 40
	var revoked, owner sync.Map // by id
	var changes sync.Map
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			endpoint := engine.EndpointID(fmt.Sprint("ep", caller))
			for round := range rounds {
				id := engine.CredentialsID(fmt.Sprint("id", rand.IntN(ids)))
				_, late := revoked.Load(id)
				switch rand.IntN(10) {
				case 0, 1, 2:
					_, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: id, Body: []byte(id)})
					if late && err == nil {
						t.Errorf("%s was provisioned after its revocation", id)
					}
				case 3:
					if round < rounds/2 {
						continue
					}
					if _, err := w.Revoke(t.Context(), admin, app, id); err == nil {
						revoked.Store(id, true)
					}
				case 4, 5:
					label := fmt.Sprintf("c%dr%d", caller%3, round%9)
					value := ""
					if _, err := w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{Labels: map[string]*string{label: &value}}, 0); err == nil {
						changes.Store(string(id)+"/"+label, true)
					}
				default:
					v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: endpoint})
					if err != nil || !v.Accepted {
						continue
					}
					if late {
						t.Errorf("%s was accepted after its revocation", id)
					}
					if first, loaded := owner.LoadOrStore(id, endpoint); loaded && first != endpoint {
						t.Errorf("%s was claimed by %v and %v", id, first, endpoint)
					}
				}
			}
		})
	}
	group.Wait()
	list, err := w.CredentialsOf(t.Context(), admin, app, engine.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, ids)
	for _, c := range list.Items {
		for label := range c.Labels {
			changes.Delete(string(c.ID) + "/" + label)
		}
		if _, ok := revoked.Load(c.ID); ok {
			require.Equal(t, engine.Revoked, c.Status)
		}
		if first, ok := owner.Load(c.ID); ok {
			require.Equal(t, first, c.ClaimedBy)
		}
	}
	changes.Range(func(lost, _ any) bool {
		t.Errorf("the update %v was lost", lost)
		return true
	})
	page, err := w.store.List(t.Context(), engine.ListRequest{Prefixes: []string{"audit/"}, Limit: engine.MaxListLimit})
	require.NoError(t, err)
	versions := map[engine.Revision]bool{}
	for _, r := range page.Records {
		versions[r.Version] = true
	}
	for _, c := range list.Items {
		require.True(t, versions[c.Version], "%s was changed without an audit entry", c.ID)
	}
}
