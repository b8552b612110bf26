package wasmabi

import "strconv"

// Errno says why a host function did nothing. The function returns it
// negated; the numbers are those of Linux.
type Errno int32

// The error numbers.
const (
	EPERM  Errno = 1   // not granted to this service, or not usable now
	ENOENT Errno = 2   // no such key, value or secret
	E2BIG  Errno = 7   // over a limit, or not even one entry fits
	EAGAIN Errno = 11  // not now; the operation may be tried again
	EINVAL Errno = 22  // an argument is out of its range
	ENOSYS Errno = 38  // not offered by this version
	EDQUOT Errno = 122 // the operation has used up what one may use
)

// Return gives the value that a host function returns for e.
func (e Errno) Return() int32 { return -int32(e) }

// Error says what the number means.
func (e Errno) Error() string {
	switch e {
	case EPERM:
		return "not granted to this service (EPERM)"
	case ENOENT:
		return "no such key or secret (ENOENT)"
	case E2BIG:
		return "over a size limit (E2BIG)"
	case EAGAIN:
		return "not now, try again (EAGAIN)"
	case EINVAL:
		return "argument out of range (EINVAL)"
	case ENOSYS:
		return "not offered by this version (ENOSYS)"
	case EDQUOT:
		return "quota of this operation is used up (EDQUOT)"
	}
	return "errno " + strconv.Itoa(int(e))
}
