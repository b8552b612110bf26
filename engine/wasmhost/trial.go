package wasmhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// trial calls a service as an engine could, on an empty state that is
// forgotten. Faults are errors; a service may refuse whatever it likes, and what
// looks wrong is a warning.
type trial struct {
	box    *Sandbox
	extent extent
	sample engine.Credentials
	until  time.Time
	found  findings
	steps  int
	failed [methodCount]bool // a method whose fault is reported already
	seen   engine.Status     // what lookups have said of the credentials last
	over   bool
}

// extent says how far a trial goes.
type extent bool

const (
	trialToFirst extent = false // ends with the first fault: a deployment answers with that
	trialToLast  extent = true
)

// trialTime bounds all calls of a trial together. A call that is running then
// still has its own time.
const trialTime = time.Second

// trialID is the id of credentials that nobody has.
func trialID() engine.CredentialsID { return engine.CredentialsID("trial-" + uuid.NewString()) }

// tried puts the service on trial.
func (s *service) tried(ctx context.Context, e extent, sample Operation) *trial {
	t := &trial{extent: e, until: time.Now().Add(trialTime), sample: engine.Credentials{
		ID: engine.CredentialsID(sample.ID), Body: sample.Body, NotAfter: sample.NotAfter, Status: engine.Available,
	}}
	if sample.ID == "" {
		t.sample.ID, t.sample.Body = trialID(), []byte("trial")
	}
	config, err := configure(s.base, nil)
	if err != nil {
		t.found.refuse(FoundConfigInvalid, engine.Errorf(engine.CodeInvalid, "%v", err).InField("/config"))
		return t
	}
	t.box = s.sandbox(config, subject{application: "trial", request: "trial"})
	defer t.box.Close()
	for _, part := range []func(context.Context){t.start, t.unknownIDs, t.life, t.proofs, t.largest, t.emptyConfig} {
		if !t.over {
			part(ctx)
		}
	}
	return t
}

// start starts an instance with the service's configuration.
func (t *trial) start(ctx context.Context) {
	if err := t.box.start(ctx); err != nil {
		t.refuse(err, "its start", "/config")
		t.over = true
	}
}

// unknownIDs asks for ids that nobody has, among them those that a service may
// not expect.
func (t *trial) unknownIDs(ctx context.Context) {
	for _, c := range []struct {
		what string
		id   engine.CredentialsID
	}{
		{"a lookup on trial", trialID()},
		{"a lookup of the id \" \" on trial", " "},
		{"a lookup of an id with control characters on trial", "trial\x01\n\r\t\x1b[2J\x7f\u202e"},
		{"a lookup of an id like a path on trial", "../trial//%00\\\"'$(x);{}"},
		{"a lookup of an id of 256 letters on trial", engine.CredentialsID(strings.Repeat("i", wasmabi.MaxIDBytes))},
		{"a lookup of an id of 64 characters of 4 bytes on trial", engine.CredentialsID(strings.Repeat("𝄞", wasmabi.MaxIDBytes/4))},
	} {
		out, ok := t.do(ctx, c.what, operation{method: lookup, asked: engine.Credentials{ID: c.id}})
		if ok && out.Credentials != nil && out.Credentials.Status != engine.Revoked {
			t.warnOncef(FoundUnknownAccepted, "%s found credentials that nobody has provided: unless the service is to know every id, answer with NOT_FOUND", c.what)
		}
	}
	for _, m := range []method{markInUse, markRevoked} {
		t.do(ctx, exportOf[m]+" for an unknown id on trial", operation{method: m, asked: engine.Credentials{ID: trialID()}})
	}
}

// life takes credentials from their provision to their revocation.
func (t *trial) life(ctx context.Context) {
	c := t.sample
	first, ok := t.do(ctx, "a provision on trial", operation{method: provide, asked: c})
	provided := ok && first.Credentials != nil
	if ok && !provided && first.Status != wasmabi.Unsupported && t.extent == trialToLast {
		t.found.warnf(FoundProvideRefused, "a provision on trial was refused (%s), so the life of credentials was not tried: give the check credentials that the service takes", first.says())
	}
	if provided && first.Credentials.Status != engine.Available {
		t.found.warnf(FoundProvideStatus, "%s answered with the status %s: fresh credentials are AVAILABLE", wasmabi.ExportProvide, first.Credentials.Status)
	}
	found, ok := t.look(ctx, c.ID, "a lookup after a provision on trial")
	if ok && provided && found.Status == wasmabi.NotFound {
		t.found.warnf(FoundProvideForgotten, "%s accepted credentials that %s does not find then: keep them in kv, or answer with UNSUPPORTED", wasmabi.ExportProvide, wasmabi.ExportLookup)
	}
	again, ok := t.do(ctx, "a second provision on trial", operation{method: provide, asked: c})
	if ok && provided && again.Credentials == nil {
		t.found.warnf(FoundProvideRepeat, "%s refused the same credentials when they came again (%s): accept them, since a caller repeats what it has no answer to", wasmabi.ExportProvide, again.says())
	}
	for range 2 {
		t.do(ctx, "a mark in use on trial", operation{method: markInUse, asked: c})
	}
	t.look(ctx, c.ID, "a lookup after a mark in use on trial")
	var told [2]Outcome
	for i := range told {
		told[i], ok = t.do(ctx, "the news of a revocation on trial", operation{method: markRevoked, asked: c})
	}
	t.look(ctx, c.ID, "a lookup after a revocation on trial")
	if ok && told[0].Status == wasmabi.OK && told[1].Status != wasmabi.OK && told[1].Status != wasmabi.NotFound {
		t.found.warnf(FoundRevokedRepeat, "%s answered with OK and then, for the same credentials, with %s: answer with OK again, since the engine repeats the news until it has arrived", wasmabi.ExportMarkRevoked, told[1].says())
	}
}

// look asks for the credentials of life, whose status must not go back.
func (t *trial) look(ctx context.Context, id engine.CredentialsID, what string) (Outcome, bool) {
	out, ok := t.do(ctx, what, operation{method: lookup, asked: engine.Credentials{ID: id}})
	if !ok {
		return out, false
	}
	if out.Changed {
		t.warnOncef(FoundLookupWrites, "%s wrote to kv: leave that to the other operations, since lookups are on the path of every connection and would conflict with each other", wasmabi.ExportLookup)
	}
	if c := out.Credentials; c != nil {
		order := map[engine.Status]int{engine.Available: 1, engine.InUse: 2, engine.Revoked: 3}
		if order[c.Status] < order[t.seen] {
			t.found.warnf(FoundStatusBack, "%s answered with %s after %s: a status never goes back", wasmabi.ExportLookup, c.Status, t.seen)
		}
		t.seen = c.Status
	}
	return out, true
}

// proofs asks to judge some that show nothing, among them a large one.
func (t *trial) proofs(ctx context.Context) {
	c := t.sample
	for _, p := range []engine.Proof{
		{Type: "trial", Value: []byte{0}},
		{Type: "trial", Challenge: []byte(trialID()), Value: []byte(trialID())},
		{Type: strings.Repeat("t", wasmabi.MaxIDBytes/2), Challenge: bytes.Repeat([]byte{0xff}, engine.MaxProofBytes/2), Value: bytes.Repeat([]byte{0xff}, engine.MaxProofBytes/2)},
	} {
		out, ok := t.do(ctx, "the judgement of a proof on trial", operation{method: verifyProof, asked: c, proof: p})
		if ok && out.Status == wasmabi.OK {
			t.warnOncef(FoundProofAccepted, "%s accepted a proof that shows nothing: answer with PERMISSION_DENIED unless it holds", wasmabi.ExportVerifyProof)
		}
	}
}

// largest provides the largest credentials that there can be, and some without
// a body.
func (t *trial) largest(ctx context.Context) {
	t.do(ctx, "a provision of the largest body on trial", operation{method: provide, asked: engine.Credentials{
		ID:   engine.CredentialsID(strings.Repeat("L", wasmabi.MaxIDBytes)),
		Body: bytes.Repeat([]byte{0xff}, wasmabi.MaxBodyBytes), NotAfter: time.Unix(maxExpiresUnix, 0),
	}})
	t.do(ctx, "a provision without a body on trial", operation{method: provide, asked: engine.Credentials{ID: trialID()}})
}

// emptyConfig starts an instance without configuration: it may refuse that, and
// should not fail.
func (t *trial) emptyConfig(ctx context.Context) {
	s := t.box.service
	if len(s.base) == 0 {
		return
	}
	config, err := configure(nil, nil)
	if err != nil || !t.next(ctx) {
		return
	}
	i, err := s.start(ctx, config, t.box.of)
	if err == nil {
		i.close()
		return
	}
	if f, ok := errors.AsType[*fault](err); ok && f.kind != unwilling {
		t.found.warnf(FoundEmptyConfig, "the module %s with the configuration {}: refuse what is missing with INVALID_ARGUMENT and a reason, so that whoever deploys it learns what to give", f.kind)
	}
}

// next counts a step, if the trial goes on.
func (t *trial) next(ctx context.Context) bool {
	if !t.over && (ctx.Err() != nil || !time.Now().Before(t.until)) {
		t.over = true
		t.found.warnf(FoundUnfinished, "the trial was ended after %d calls, since they took more than %s together: make the operations faster", t.steps, trialTime)
	}
	if t.over {
		return false
	}
	t.steps++
	return true
}

// do runs an operation, if the module offers it, and reports a fault. It tells
// whether there is an outcome to look at.
func (t *trial) do(ctx context.Context, what string, o operation) (Outcome, bool) {
	if !t.box.service.methods[o.method] || t.failed[o.method] || !t.next(ctx) {
		return Outcome{}, false
	}
	out, err := t.attempt(ctx, o)
	if f, ok := errors.AsType[*fault](err); ok && f.kind == late {
		out, err = t.attempt(ctx, o) // the machine may have been busy
	}
	if err != nil {
		t.failed[o.method] = true
		t.refuse(err, what, "")
		return out, false
	}
	if out.Status == wasmabi.Internal {
		t.warnOncef(FoundInternal, "%s was answered with %s: say with another status and a reason what the caller can do", what, out.says())
	}
	return out, true
}

// attempt runs an operation on an instance, a fresh one if the last went wrong.
func (t *trial) attempt(ctx context.Context, o operation) (Outcome, error) {
	if err := t.box.start(ctx); err != nil {
		return Outcome{}, err
	}
	return t.box.serve(ctx, o)
}

// refuse reports a fault, or that the trial was given up.
func (t *trial) refuse(err error, what, field string) {
	f, ok := errors.AsType[*fault](err)
	code := FoundUnfinished
	if ok {
		code = [...]FindingCode{trapped: FoundTrap, violated: FoundViolation, late: FoundLate, unwilling: FoundConfigRefused}[f.kind]
	}
	t.found.refuse(code, inField(unfit(err, what), field))
	t.over = t.over || !ok || t.extent == trialToFirst
}

// warnOncef leaves out what was said already.
func (t *trial) warnOncef(code FindingCode, format string, args ...any) {
	for _, f := range t.found {
		if f.Code == code {
			return
		}
	}
	t.found.warnf(code, format, args...)
}

// says is the status of an outcome with its reason.
func (o Outcome) says() string {
	if o.Reason == "" {
		return o.Status.String()
	}
	return fmt.Sprintf("%s: %s", o.Status, o.Reason)
}
