package wasmhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/credence-engine/credence/engine"
)

// fault ends a call in which a module reached no decision, and its instance
// with it.
type fault struct {
	kind  faultKind
	cause error // for the log, and for whoever deploys the module
}

type faultKind int

const (
	trapped   faultKind = iota // WebAssembly says so: unreachable, out of bounds, stack overflow, ...
	violated                   // the module broke the ABI
	late                       // the time of the call ran out
	unwilling                  // cred_configure did not answer with OK
)

func (k faultKind) String() string {
	return [...]string{trapped: "trapped", violated: "broke the contract cred_v1", late: "ran out of time", unwilling: "refused its configuration"}[k]
}

func (f *fault) Error() string { return f.kind.String() + ": " + f.cause.Error() }
func (f *fault) Unwrap() error { return f.cause }

// shownFrames is how much of a stack is shown to an author.
const shownFrames = 5

// inShort is the cause in one line, with the innermost functions of a trap.
func (f *fault) inShort() string {
	text, stack, found := strings.Cut(f.cause.Error(), "\nwasm stack trace:")
	if !found {
		return text
	}
	var names []string
	for frame := range strings.Lines(strings.TrimSpace(stack)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(frame), "."), "(")
		if name != "" && len(names) < shownFrames {
			names = append(names, name)
		}
	}
	return text + ", in " + strings.Join(names, " < ")
}

func violation(format string, args ...any) *fault {
	return &fault{kind: violated, cause: fmt.Errorf(format, args...)}
}

// aborted ends a call through no fault of the module: a read of its state
// failed, or met a conflict, or the request has gone. It is returned as it is,
// so that the engine runs the operation again or reports what is the matter.
type aborted struct{ cause error }

func (a *aborted) Error() string { return a.cause.Error() }
func (a *aborted) Unwrap() error { return a.cause }

// gone is what remains of a call whose request has ended.
func gone(err error) *aborted {
	code, text := engine.CodeUnavailable, "the request was given up while a module was deciding"
	if errors.Is(err, context.DeadlineExceeded) {
		code, text = engine.CodeDeadline, "the request's time ran out while a module was deciding: try again"
	}
	return &aborted{engine.Wrap(err, code, text)}
}

// faults are what the engine counts. A configuration that is refused is the
// fault of whoever wrote it.
var faults = [...]engine.Fault{trapped: engine.FaultTrap, violated: engine.FaultViolation, late: engine.FaultTimeout, unwilling: ""}

// incident logs a fault and makes the error that names the log entry: callers
// learn that no decision was reached, operators learn why.
func (s *service) incident(f *fault, what string, of subject) error {
	id := uuid.NewString()
	s.log.LogAttrs(context.Background(), slog.LevelError, "a module failed",
		slog.String("incident", id), slog.String("service", string(s.name)), slog.String("module", string(s.code.key.module)),
		slog.String("operation", what), slog.String("application", of.application), slog.String("request", of.request),
		slog.String("kind", f.kind.String()), slog.String("detail", printable(f.cause.Error(), maxDetailBytes)))
	code := engine.CodeModuleFault
	if f.kind == late {
		code = engine.CodeDeadline
	}
	e := engine.Wrap(f, code, fmt.Sprintf("the module of the credentials service %q %s in %s, so there is no decision: the log has the details under the incident's id",
		s.name, f.kind, what))
	e.Incident, e.Fault = id, faults[f.kind]
	return e
}

// unfit makes the error for whoever deploys a module that fails on trial, or
// changes the configuration that it fails with.
func unfit(err error, what string) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return engine.Wrap(f, engine.CodeInvalid, "the module "+f.kind.String()+" in "+what+": "+printable(f.inShort(), maxTextBytes))
	}
	if a, ok := errors.AsType[*aborted](err); ok {
		return a.cause
	}
	return err
}
