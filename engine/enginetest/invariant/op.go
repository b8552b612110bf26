package invariant

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Kind is what an operation does.
type Kind string

// The kinds. Pause is none of a client's: it tells that Node stood still from
// Invoked to Returned.
const (
	Provision   Kind = "provision"
	Verify      Kind = "verify"
	Get         Kind = "get"
	Revoke      Kind = "revoke"
	Introspect  Kind = "introspect"
	EndSession  Kind = "end-session"
	EndEndpoint Kind = "end-endpoint" // every session of an endpoint
	Deploy      Kind = "deploy"
	Pause       Kind = "pause"
)

// Outcome is what the client knows when it goes on.
type Outcome string

// The outcomes. The zero value, Unknown, says that the operation may have
// taken effect, or may yet.
const (
	Unknown Outcome = ""
	Done    Outcome = "done"
	Refused Outcome = "refused" // the state did not allow it
	Failed  Outcome = "failed"  // it surely had no effect, and tells nothing
)

// Absent is the status of credentials that are not there.
const Absent engine.Status = "ABSENT"

// Never is when something returns that has not returned.
const Never time.Duration = math.MaxInt64

// Op is one operation of a client. Times are those of the [Recorder].
type Op struct {
	Kind    Kind    `json:"kind"`
	Client  int     `json:"client"`
	Node    string  `json:"node,omitempty"`
	Outcome Outcome `json:"outcome"`

	Invoked  time.Duration `json:"invoked"`
	Returned time.Duration `json:"returned"` // when the client went on, with an answer or without

	App         engine.ApplicationID `json:"app,omitempty"`
	Credentials engine.CredentialsID `json:"credentials,omitempty"`
	Endpoint    engine.EndpointID    `json:"endpoint,omitempty"`
	Session     string               `json:"session,omitempty"` // opened by a Verify, or the subject
	Service     engine.ServiceName   `json:"service,omitempty"` // that was deployed, or that decided
	Digest      engine.Digest        `json:"digest,omitempty"`  // of the module that was deployed, or that decided
	Consistency engine.Consistency   `json:"consistency,omitzero"`

	// The answer.
	Accepted bool              `json:"accepted,omitempty"` // by a Verify
	Active   bool              `json:"active,omitempty"`   // of an Introspect
	Created  bool              `json:"created,omitempty"`  // by a Provision
	Enforced bool              `json:"enforced,omitempty"` // the receipt's state
	Status   engine.Status     `json:"status,omitempty"`   // that was seen, and is not clear from the above; empty: none was
	Owner    engine.EndpointID `json:"owner,omitempty"`    // that was seen to have claimed the credentials
	Revision engine.Revision   `json:"revision,omitempty"` // at which the answer held; 0: it does not say
	Detail   string            `json:"detail,omitempty"`   // for people
}

// known tells whether the answer says something.
func (o *Op) known() bool { return o.Outcome == Done || o.Outcome == Refused }

// ended is when the operation's effect was there, if it has one.
func (o *Op) ended() time.Duration {
	if o.Outcome == Unknown {
		return Never
	}
	return o.Returned
}

// lets tells whether the answer lets an endpoint in.
func (o *Op) lets() bool {
	return o.Outcome == Done && (o.Kind == Verify && o.Accepted || o.Kind == Introspect && o.Active)
}

// seen is the status of the credentials that the answer shows, or empty.
func (o *Op) seen() engine.Status {
	switch {
	case !o.known():
		return ""
	case o.lets():
		return engine.InUse
	case o.Kind == Revoke && o.Outcome == Done:
		return engine.Revoked
	case o.Kind == Provision && o.Created:
		return engine.Available
	default:
		return o.Status
	}
}

// seenOwner is the endpoint that the answer shows as the owner, or empty.
func (o *Op) seenOwner() engine.EndpointID {
	switch {
	case !o.known():
		return ""
	case o.Kind == Verify && o.Accepted:
		return o.Endpoint
	default:
		return o.Owner
	}
}

// since is the moment from which on the answer must know all that happened
// before, and false for an answer that is bound to a revision only.
func (o *Op) since() (time.Duration, bool) {
	switch o.Consistency.Mode {
	case engine.ModeStrict:
		return o.Invoked, true
	case engine.ModeBounded:
		return o.Invoked - o.Consistency.MaxAge, true
	default:
		return 0, false
	}
}

// ignores tells whether the answer does not know of a change, which it should.
func (o *Op) ignores(change *Op) bool {
	if change.Revision != 0 && (o.Revision >= change.Revision ||
		o.Consistency.Mode == engine.ModeAtLeast && o.Consistency.Revision >= change.Revision) {
		return true
	}
	since, timed := o.since()
	return timed && since > change.ended()
}

// String is the operation in one line.
func (o *Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v–", o.Invoked)
	if o.Returned == Never {
		b.WriteString("never")
	} else {
		fmt.Fprintf(&b, "%v", o.Returned)
	}
	fmt.Fprintf(&b, " client %d %s", o.Client, o.Kind)
	for _, part := range []struct{ name, value string }{
		{"node", o.Node},
		{"app", string(o.App)},
		{"credentials", string(o.Credentials)},
		{"endpoint", string(o.Endpoint)},
		{"session", o.Session},
		{"service", string(o.Service)},
		{"digest", string(o.Digest)},
		{"status", string(o.Status)},
		{"owner", string(o.Owner)},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, " %s=%s", part.name, part.value)
		}
	}
	switch c := o.Consistency; c.Mode {
	case engine.ModeBounded:
		fmt.Fprintf(&b, " bounded=%v", c.MaxAge)
	case engine.ModeAtLeast:
		fmt.Fprintf(&b, " at-least=%d", c.Revision)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"ACCEPTED", o.Accepted}, {"ACTIVE", o.Active}, {"created", o.Created}, {"ENFORCED", o.Enforced}} {
		if flag.set {
			b.WriteString(" " + flag.name)
		}
	}
	if o.Revision != 0 {
		fmt.Fprintf(&b, " revision=%d", o.Revision)
	}
	if o.Outcome == Unknown {
		b.WriteString(" unknown")
	} else {
		b.WriteString(" " + string(o.Outcome))
	}
	if o.Detail != "" {
		b.WriteString(" (" + o.Detail + ")")
	}
	return b.String()
}
