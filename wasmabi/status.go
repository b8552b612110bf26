package wasmabi

import "strconv"

// Status is what an operation of a module returns. New ones are only ever
// added, up to [MaxStatus].
type Status int32

// The statuses.
const (
	OK                 Status = 0
	Internal           Status = 1  // the service failed
	InvalidArgument    Status = 2  // what was given is malformed; repeating it cannot help
	NotFound           Status = 3  // no such credentials
	AlreadyExists      Status = 4  // other credentials hold this id
	FailedPrecondition Status = 5  // the present state forbids it
	Unsupported        Status = 6  // the service does not offer this operation
	Unavailable        Status = 7  // no answer now; repeating it is safe
	PermissionDenied   Status = 8  // the service refuses these credentials
	ResourceExhausted  Status = 9  // a quota is used up
	Deadline           Status = 10 // the time allowed ran out
)

// MaxStatus is the highest number that is a status. 11 to 15 are reserved; a
// host that does not know one reads it as [Internal]. Anything above, and
// anything negative, violates the ABI.
const MaxStatus Status = 15

var statusNames = [...]string{
	"OK", "INTERNAL", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION",
	"UNSUPPORTED", "UNAVAILABLE", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "DEADLINE",
}

// Valid tells whether a module may return s.
func (s Status) Valid() bool { return s >= OK && s <= MaxStatus }

// String returns the name of a known status, else "STATUS(n)".
func (s Status) String() string {
	if s >= 0 && int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "STATUS(" + strconv.Itoa(int(s)) + ")"
}
