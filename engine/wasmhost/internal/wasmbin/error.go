package wasmbin

import "fmt"

// Reason says what kind of fault an [Error] reports.
type Reason int

const (
	// Malformed means that the bytes are not a well-formed module.
	Malformed Reason = iota + 1
	// Component means that the file is a component, not a core module.
	Component
	// Unsupported means a well-formed module that uses a language feature
	// which the engine does not run (threads, exceptions, tail calls, ...).
	Unsupported
	// Invalid means that the module breaks a rule of the language or of the
	// ABI: an index out of range, no memory, an import that is no function.
	Invalid
	// OverLimit means that one of the [Limits] is exceeded.
	OverLimit
)

// String returns the reason as one word for logs and problem types.
func (r Reason) String() string {
	switch r {
	case Malformed:
		return "malformed"
	case Component:
		return "component"
	case Unsupported:
		return "unsupported"
	case Invalid:
		return "invalid"
	case OverLimit:
		return "over-limit"
	default:
		return fmt.Sprintf("reason(%d)", int(r))
	}
}

// Error is a refusal of a module. Every error of this package is an *Error.
type Error struct {
	// Reason is the kind of fault.
	Reason Reason
	// Offset is the position in the file, in bytes, where the fault was seen.
	Offset int
	// Detail is one sentence for the author of the module, without offset.
	Detail string
}

// Error returns the detail and the offset.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%s module, at byte offset %#x)", e.Detail, e.Reason, e.Offset)
}

func refuse(r Reason, offset int, format string, args ...any) *Error {
	return &Error{Reason: r, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}
