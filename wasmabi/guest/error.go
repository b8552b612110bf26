package guest

import (
	"errors"

	"github.com/credence-engine/credence/wasmabi"
)

// Status is the kind of a failure, see [Fail].
type Status = wasmabi.Status

// The statuses.
const (
	Internal           = wasmabi.Internal           // the service failed
	InvalidArgument    = wasmabi.InvalidArgument    // what was given is malformed
	NotFound           = wasmabi.NotFound           // no such credentials
	AlreadyExists      = wasmabi.AlreadyExists      // other credentials hold this id
	FailedPrecondition = wasmabi.FailedPrecondition // the present state forbids it
	Unsupported        = wasmabi.Unsupported        // the service does not offer this
	Unavailable        = wasmabi.Unavailable        // no answer now; repeating it is safe
	PermissionDenied   = wasmabi.PermissionDenied   // the service refuses these credentials
	ResourceExhausted  = wasmabi.ResourceExhausted  // a quota is used up
)

// Error is a failure with a status. Its text is for operators and never shown
// to a device; what exceeds 1 KiB is cut.
type Error struct {
	Status Status
	Text   string
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// ErrNotFound says that there are no such credentials.
var ErrNotFound error = &Error{Status: NotFound, Text: "no such credentials"}

// Refuse makes the error that refuses credentials, with the reason for
// operators.
func Refuse(text string) error { return Fail(PermissionDenied, text) }

// Fail makes an error with a status and a text for operators.
func Fail(status Status, text string) error { return &Error{Status: status, Text: text} }

// statusOf tells what an error means to the engine.
func statusOf(err error, otherwise Status) Status {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	if errno, ok := errors.AsType[wasmabi.Errno](err); ok {
		switch errno {
		case wasmabi.EDQUOT:
			return ResourceExhausted
		case wasmabi.EAGAIN:
			return Unavailable
		}
	}
	return otherwise
}

// callError says which host function failed.
type callError struct {
	name  string
	errno wasmabi.Errno
}

func (e *callError) Error() string { return e.name + ": " + e.errno.Error() }
func (e *callError) Unwrap() error { return e.errno }

// failed returns the error behind the result of a host function, if any.
func failed(name string, result int32) error {
	if result >= 0 {
		return nil
	}
	return &callError{name: name, errno: wasmabi.Errno(-result)}
}
