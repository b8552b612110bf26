package simulation

import (
	"fmt"
	"slices"

	"github.com/credence-engine/credence/engine"
)

// session is one that a client was given.
type session struct {
	of    target
	by    int    // endpoint
	name  string // in the history: the same in each run
	id    engine.SessionID
	token string
}

// opened notes a session and returns its name.
func (w *world) opened(r request, s engine.OpenedSession) string {
	one := &session{of: target{r.app, r.id}, by: r.endpoint, name: fmt.Sprint("session-", r.number), id: s.ID, token: s.Token}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, one)
	return one.name
}

// sessionsOf are the sessions of the id that a request is about, in the order
// in which they were opened.
func (w *world) sessionsOf(r request) []*session {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.open), func(s *session) bool { return s.of != target{r.app, r.id} })
}

// newest is the last one of them, or nil.
func (w *world) newest(r request) *session {
	all := w.sessionsOf(r)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}
