package engine

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// startAgain is how long a service that could not be started is left alone:
// each try may compile a module.
const startAgain = time.Second

// standing is how far the registry is with the newest revision of a service
// that was asked for.
type standing struct {
	NodeService
	version Revision
	err     error     // of a service that failed
	at      time.Time // when it did
}

// report notes how far the registry is with a revision, unless it knows of a
// newer one, and has the node tell.
func (r *registry) report(record Service, state ServiceState, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.standings[record.Name]
	if r.closed || known && old.version > record.Version {
		return
	}
	s := standing{NodeService: record.standing(state, err), version: record.Version, err: err, at: time.Now()}
	r.standings[record.Name] = s
	if !known || old.NodeService != s.NodeService {
		r.tell()
	}
}

func (s Service) standing(state ServiceState, err error) NodeService {
	n := NodeService{Name: s.Name, Number: s.Number, Module: s.Module, Deployment: s.Deployment, State: state}
	if err != nil {
		n.Detail = wordsOf(err)
	}
	return n
}

// failed returns why a revision could not be started a moment ago, or nil. The
// caller holds the lock.
func (r *registry) failed(record Service) error {
	s := r.standings[record.Name]
	if s.version == record.Version && s.err != nil && time.Since(s.at) < startAgain {
		return s.err
	}
	return nil
}

// tell says that the account has changed.
func (r *registry) tell() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// account is what the registry says of its services and candidates, by name.
func (r *registry) account() (services, candidates []NodeService) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range maps.Values(r.standings) {
		services = append(services, s.NodeService)
	}
	for c := range maps.Values(r.candidates) {
		candidates = append(candidates, c.NodeService)
	}
	byName := func(a, b NodeService) int { return strings.Compare(string(a.Name), string(b.Name)) }
	slices.SortFunc(services, byName)
	slices.SortFunc(candidates, byName)
	return services, candidates
}
