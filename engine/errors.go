package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an [Error] is. Codes are stable: clients
// branch on them. New ones are only ever added.
type Code string

// The codes. engine/rest holds the one table that maps them to HTTP.
const (
	CodeInvalid         Code = "invalid"            // the request is malformed; repeating it cannot help
	CodeTooLarge        Code = "too_large"          // a part of the request is over its limit
	CodeUnauthenticated Code = "unauthenticated"    // who asks is unknown
	CodeDenied          Code = "denied"             // who asks is known and may not
	CodeNotFound        Code = "not_found"          // what is named does not exist
	CodeConflict        Code = "conflict"           // the present state forbids it
	CodeStale           Code = "stale"              // the caller named a version that is no longer the newest
	CodeReused          Code = "idempotency_reused" // an idempotency key came back with another request
	CodeCompacted       Code = "compacted"          // the revision asked for is no longer kept
	CodeUnsupported     Code = "unsupported"        // the credentials service does not offer this operation
	CodeExhausted       Code = "exhausted"          // a quota or a queue is full; later it may work
	CodeUnavailable     Code = "unavailable"        // no decision could be reached; repeating the request is safe
	CodeDeadline        Code = "deadline"           // the time allowed ran out before a decision
	CodeModuleFault     Code = "module_fault"       // a module trapped, overran or broke the ABI
	CodeModuleError     Code = "module_error"       // a module answered that it failed
	CodeInternal        Code = "internal"           // a defect of the engine
)

// Error is what the engine's methods return: a code to branch on, a message
// that is safe to show to the caller, and a cause that is for the log only.
type Error struct {
	Code    Code
	Message string
	// Field is the JSON pointer of the request's member at fault, when one is.
	Field string
	// Incident names the log entry that holds the details, when the message
	// must not carry them.
	Incident string
	// Missing is what a module asks for beyond the service's grants, when that
	// is why it cannot serve: a JSON object of the shape of the grants.
	Missing json.RawMessage
	// Nodes are the nodes' reports that made a deployment fail.
	Nodes []NodeReport
	// Fault says how a module failed, when that is what the error tells of.
	Fault Fault
	// Retry is how long the same request would be refused for the same reason.
	Retry time.Duration

	cause error
}

// Errorf makes an error from a code and a message. A %w verb records its
// operand as the cause; write such a message so that the cause's text may be
// shown, or use [Wrap].
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Wrap makes an error whose cause is kept for the log and whose text is only
// the message.
func Wrap(cause error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// InField says which member of the request is at fault.
func (e *Error) InField(pointer string) *Error {
	e.Field = pointer
	return e
}

// Error returns the code and the message, never the cause.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first [Error] in err's chain, or
// [CodeInternal] when there is none, or "" when err is nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := asError(err); ok {
		return e.Code
	}
	return CodeInternal
}

func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// ErrNotFound is what a [CredentialsService] answers for an id it does not
// know.
var ErrNotFound = &Error{Code: CodeNotFound, Message: "no such credentials"}
