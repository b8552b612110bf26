package engine

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"time"
)

// NodeID names a node, a process that serves: 1 to 128 characters of
// [A-Za-z0-9._-].
type NodeID string

var nodeIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// ParseNodeID checks the form of a node's id.
func ParseNodeID(s string) (NodeID, error) {
	if !nodeIDForm.MatchString(s) {
		return "", Errorf(CodeInvalid, "%.140q is no node id: give 1 to 128 letters, digits, dots, dashes or underscores", s)
	}
	return NodeID(s), nil
}

func newNodeID() NodeID { return NodeID("node-" + strings.ToLower(rand.Text()[:8])) }

// Node is what a live node says of itself. It is there as long as the node's
// store holds its lease; see [Write].
type Node struct {
	ID      NodeID    `cbor:"1,keyasint"`
	Address string    `cbor:"2,keyasint,omitempty"` // host and port of its REST API
	Release string    `cbor:"3,keyasint,omitempty"` // version of the program
	Started time.Time `cbor:"4,keyasint"`
	// Services are the newest revisions of the custom services that it knows,
	// and Candidates the deployments that it prepares for, both by name.
	Services   []NodeService `cbor:"5,keyasint,omitempty"`
	Candidates []NodeService `cbor:"6,keyasint,omitempty"`
	// Problems are what an operator should see to, in words.
	Problems []string `cbor:"7,keyasint,omitempty"`

	// Acknowledged is the revision up to which the node has carried out what
	// took rights away; 0 before it has said so.
	Acknowledged Revision `cbor:"-"`
	Version      Revision `cbor:"-"`
}

// ServiceState says how far a node is with a service.
type ServiceState string

// The states.
const (
	ServiceStarting ServiceState = "STARTING"
	ServiceReady    ServiceState = "READY"
	ServiceFailed   ServiceState = "FAILED"  // the node refuses what needs the service
	ServiceUnknown  ServiceState = "UNKNOWN" // the node has not said
)

// NodeService is how far a node is with one revision of a custom service, or
// with a candidate, which has no number yet.
type NodeService struct {
	Name       ServiceName  `cbor:"1,keyasint"`
	Number     int          `cbor:"2,keyasint,omitempty"`
	Module     Digest       `cbor:"3,keyasint"`
	Deployment string       `cbor:"4,keyasint,omitempty"` // see Service
	State      ServiceState `cbor:"5,keyasint"`
	Detail     string       `cbor:"6,keyasint,omitempty"` // why it failed
}

func decodeNode(r Record) (Node, error) {
	n := Node{Version: r.Version}
	return n, decode(r, &n)
}

// Nodes lists the live nodes by id.
func (e *Engine) Nodes(ctx context.Context, o ListOptions) (List[Node], error) {
	keep, err := filterBy(o, map[string]func(*Node, string) bool{})
	if err != nil {
		return List[Node]{}, err
	}
	nodes, err := listRecords(ctx, e, o, []string{nodeKey("")}, decodeNode, keep)
	if err == nil {
		err = e.addAcknowledged(ctx, nodes.Items)
	}
	return nodes, err
}

// addAcknowledged completes nodes by what they have acknowledged since.
func (e *Engine) addAcknowledged(ctx context.Context, nodes []Node) error {
	for some := range slices.Chunk(nodes, MaxCommitChecks) {
		keys := make([]string, len(some))
		for i := range some {
			keys[i] = ackKey(some[i].ID)
		}
		snap, err := e.store.Read(ctx, Strict, keys...)
		if err != nil {
			return err
		}
		for i, r := range snap.Records {
			if r.Exists() {
				a, err := decodeAcknowledgement(r)
				if err != nil {
					return err
				}
				some[i].Acknowledged = a.Revision
			}
		}
	}
	return nil
}

// Node returns one live node.
func (e *Engine) Node(ctx context.Context, id NodeID) (Node, error) {
	absent := Errorf(CodeNotFound, "there is no live node %.140q: see GET /v1/nodes for those that are", string(id))
	if _, err := ParseNodeID(string(id)); err != nil {
		return Node{}, absent
	}
	snap, err := e.store.Read(ctx, Strict, nodeKey(id))
	if err != nil {
		return Node{}, err
	}
	if !snap.Records[0].Exists() {
		return Node{}, absent
	}
	node, err := decodeNode(snap.Records[0])
	if err != nil {
		return Node{}, err
	}
	one := []Node{node}
	err = e.addAcknowledged(ctx, one)
	return one[0], err
}
