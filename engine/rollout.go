package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DefaultDeployWait is how long a deployment waits for other nodes.
const DefaultDeployWait = 10 * time.Second

// proposalTime is how much longer than its wait for other nodes a deployment
// may take. A proposal that is older stands in nobody's way.
const proposalTime = time.Minute

// proposal is the record of a deployment under way. It is ephemeral: one whose
// node dies leaves nothing behind.
type proposal struct {
	Service  Service   `cbor:"1,keyasint"` // with its Deployment and DeployedBy
	By       NodeID    `cbor:"2,keyasint"`
	Deadline time.Time `cbor:"3,keyasint"`
	Base     Revision  `cbor:"4,keyasint"` // of the service's record, which it is to replace
}

func decodeProposal(r Record) (proposal, error) {
	var p proposal
	return p, decode(r, &p)
}

// NodeReport is how far a node is with a deployment. Detail says why it is not
// ready.
type NodeReport struct {
	ID     NodeID
	State  ServiceState
	Detail string
}

// rollout is one deployment, on all nodes.
type rollout struct {
	action  string // in the audit log
	name    ServiceName
	options DeployOptions
	service Service                        // as it is to be
	spec    func(*Tx) (ServiceSpec, error) // the same, looked at once more as of the activation
}

// roll makes a service serve on all nodes from one revision on. It is proposed
// first, so that each live node, this one included, starts it and says whether
// it can; the activation is one transaction, and from its revision on each
// operation, on whatever node, runs the new service: nodes that could not be
// ready before start it first, or refuse.
func (e *Engine) roll(ctx context.Context, caller Caller, r rollout) (Service, error) {
	if err := e.checkModule(ctx, r.service.Module); err != nil {
		return Service{}, err
	}
	p, err := e.propose(ctx, caller, r)
	if err != nil {
		return Service{}, err
	}
	deployed, err := e.rollProposed(ctx, caller, r, p)
	if err != nil || deployed.Deployment != p.Service.Deployment { // the answer to an earlier request was kept
		e.withdraw(p)
	}
	e.services.dropCandidates(func(c *candidate) bool { return c.Deployment == p.Service.Deployment }) // unless it was taken
	return deployed, err
}

func (e *Engine) rollProposed(ctx context.Context, caller Caller, r rollout, p proposal) (Service, error) {
	e.catchUp(ctx, p)
	if err := e.services.ready(ctx, e.store, p, true); err != nil {
		return Service{}, err
	}
	nodes, err := e.await(ctx, p.Service.Deployment)
	if err != nil {
		return Service{}, err
	}
	if err := refuseFailed(r, nodes); err != nil {
		return Service{}, err
	}
	deployed, err := e.activate(ctx, caller, r, p)
	if err != nil || deployed.Deployment != p.Service.Deployment {
		return deployed, err
	}
	if run, err := e.services.start(ctx, e.store, deployed); err == nil {
		lease{of: run}.release()
	}
	deployed.Nodes = append(nodes, NodeReport{ID: e.self.node.ID, State: ServiceReady})
	slices.SortFunc(deployed.Nodes, func(a, b NodeReport) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return deployed, nil
}

// propose writes the proposal, unless another deployment of the same service
// is under way.
func (e *Engine) propose(ctx context.Context, caller Caller, r rollout) (proposal, error) {
	snap, err := e.store.Read(ctx, Strict, serviceKey(r.name), deployKey(r.name))
	if err != nil {
		return proposal{}, err
	}
	present, under := snap.Records[0], snap.Records[1]
	if err := checkMatch(r.options.IfMatch, present.Version); err != nil {
		return proposal{}, err
	}
	if under.Exists() {
		if other, err := decodeProposal(under); err == nil && e.now().Before(other.Deadline) {
			return proposal{}, Errorf(CodeConflict, "%s is being deployed by %s on the node %s: wait for the end of that and try again",
				r.name, other.Service.DeployedBy, other.By)
		}
	}
	p := proposal{Service: r.service, By: e.self.node.ID, Deadline: e.now().Add(e.wait + proposalTime), Base: present.Version}
	p.Service.Deployment, p.Service.DeployedBy = newOperationID(), caller.User
	value, err := encode(p)
	if err != nil {
		return proposal{}, err
	}
	_, err = e.store.Commit(ctx, Commit{
		Checks: []Check{{Key: present.Key, Version: present.Version}, {Key: under.Key, Version: under.Version}},
		Writes: []Write{{Key: under.Key, Value: value, Ephemeral: true}},
	})
	switch {
	case errors.Is(err, ErrConflict):
		err = overtaken(r.name)
	case err != nil:
		e.withdraw(p) // it may have been written
	}
	return p, err
}

func overtaken(name ServiceName) error {
	return Errorf(CodeConflict, "%s was deployed anew meanwhile: look at what it is now and try again", name)
}

// withdraw removes a proposal that was not activated. What fails here ends
// with the lease, or when it stands in the way after its deadline.
func (e *Engine) withdraw(p proposal) {
	ctx, cancel := context.WithTimeout(context.Background(), farewellTimeout)
	defer cancel()
	key := deployKey(p.Service.Name)
	snap, err := e.store.Read(ctx, Strict, key)
	if err != nil {
		return
	}
	if found, err := decodeProposal(snap.Records[0]); err == nil && found.Service.Deployment == p.Service.Deployment {
		_, _ = e.store.Commit(ctx, Commit{Checks: []Check{{Key: key, Version: snap.Records[0].Version}}, Writes: []Write{{Key: key, Delete: true}}})
	}
}

// await returns what each other live node says of a deployment, once all have
// come to an end with it or the time for that is over.
func (e *Engine) await(ctx context.Context, deployment string) ([]NodeReport, error) {
	waiting, enough := context.WithTimeout(ctx, e.wait)
	defer enough()
	a := assembly{self: e.self.node.ID, deployment: deployment, wait: e.wait, reports: map[NodeID]NodeReport{}, enough: enough}
	err := e.follow(waiting, follower{
		prefix: nodeKey(""),
		listed: a.all,
		put:    func(_ context.Context, r Record) { a.hear(r) },
		gone: func(_ context.Context, key string, _ Revision) {
			delete(a.reports, NodeID(lastSegment(key)))
			a.complete()
		},
	})
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, Wrap(err, CodeUnavailable, "the request ended while other nodes made themselves ready: nothing was deployed")
	}
	if !a.listed {
		return nil, Errorf(CodeUnavailable, "the nodes that live cannot be listed: nothing was deployed, try again")
	}
	return slices.AppendSeq(make([]NodeReport, 0, len(a.reports)+1), maps.Values(a.reports)), nil
}

// assembly collects the reports of the other nodes that live.
type assembly struct {
	self       NodeID
	deployment string
	wait       time.Duration
	reports    map[NodeID]NodeReport
	listed     bool // reports holds all of them
	enough     func()
}

// all ends a listing: who is not on it is gone.
func (a *assembly) all(keys map[string]bool) {
	maps.DeleteFunc(a.reports, func(id NodeID, _ NodeReport) bool { return !keys[nodeKey(id)] })
	a.listed = true
	a.complete()
}

// complete ends the wait when all nodes have said whether they are ready.
func (a *assembly) complete() {
	for _, r := range a.reports {
		if r.State != ServiceReady && r.State != ServiceFailed {
			return
		}
	}
	if a.listed {
		a.enough()
	}
}

// hear takes in what a node says.
func (a *assembly) hear(r Record) {
	id := NodeID(lastSegment(r.Key))
	if id == a.self {
		return
	}
	report := NodeReport{ID: id, State: ServiceUnknown, Detail: fmt.Sprintf("the node said nothing within %s", a.wait)}
	node, err := decodeNode(r)
	if err != nil {
		report.Detail = "the node's record cannot be read"
	}
	for _, s := range slices.Concat(node.Candidates, node.Services) {
		if s.Deployment == a.deployment {
			report.State, report.Detail = s.State, s.Detail
		}
	}
	if report.State == ServiceStarting {
		report.Detail = fmt.Sprintf("the node was still starting the service after %s", a.wait)
	}
	a.reports[id] = report
	a.complete()
}

// refuseFailed refuses a deployment that some node cannot run, unless it is to
// be forced.
func refuseFailed(r rollout, nodes []NodeReport) error {
	var words []string
	for _, n := range nodes {
		if n.State == ServiceFailed {
			words = append(words, fmt.Sprintf("%s: %s", n.ID, n.Detail))
		}
	}
	if len(words) == 0 || r.options.Force {
		return nil
	}
	slices.Sort(words)
	err := Errorf(CodeConflict, "nothing was deployed, because not every node can run this (%s): mend it, or force it, and these nodes will refuse", strings.Join(words, "; "))
	err.Nodes = nodes
	return err
}
