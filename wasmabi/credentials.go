package wasmabi

import (
	"strconv"
	"strings"
)

// CredentialsStatus is where credentials stand in their life.
type CredentialsStatus int32

// The statuses of credentials, in the order in which they may follow.
// Unspecified is what a message without the field says; the host refuses an
// answer that leaves it so.
const (
	Unspecified CredentialsStatus = 0
	Available   CredentialsStatus = 1
	InUse       CredentialsStatus = 2
	Revoked     CredentialsStatus = 3
)

var credentialsStatusNames = [...]string{"UNSPECIFIED", "AVAILABLE", "IN_USE", "REVOKED"}

// Valid tells whether s is one of the statuses.
func (s CredentialsStatus) Valid() bool { return s >= Unspecified && s <= Revoked }

// String returns the name of a status, else "STATUS(n)".
func (s CredentialsStatus) String() string {
	if s.Valid() {
		return credentialsStatusNames[s]
	}
	return "STATUS(" + strconv.Itoa(int(s)) + ")"
}

// Credentials is what a service knows under one id.
type Credentials struct {
	// ID has 1 to [MaxIDBytes] bytes.
	ID string
	// Body is the public part, at most [MaxBodyBytes]: a public key, a
	// certificate, or whatever the service wants.
	Body   []byte
	Status CredentialsStatus
	// ExpiresUnix is the second since 1970, UTC, from which on the credentials
	// are no longer valid; 0 means never.
	ExpiresUnix uint64
}

var credentialsFields = []field{
	1: {name: "id", kind: text, limit: MaxIDBytes},
	2: {name: "body", kind: blob, limit: MaxBodyBytes},
	3: {name: "status", kind: number},
	4: {name: "expires_unix", kind: number},
}

// Append appends the encoded message to dst.
func (m *Credentials) Append(dst []byte) []byte {
	dst = appendBlock(dst, 1, m.ID)
	dst = appendBlock(dst, 2, m.Body)
	dst = appendNumber(dst, 3, uint64(m.Status))
	return appendNumber(dst, 4, m.ExpiresUnix)
}

func (m *Credentials) size() int {
	return blockSize(len(m.ID)) + blockSize(len(m.Body)) + numberSize(uint64(m.Status)) + numberSize(m.ExpiresUnix)
}

// Decode reads the message from all of src. Body aliases src. ID is a copy, or
// what m.ID was if that is the same: set it to the id that is expected, and
// nothing is allocated.
func (m *Credentials) Decode(src []byte) error {
	expected := m.ID
	err := m.decode(decoder{message: "Credentials", fields: credentialsFields, src: src})
	if m.ID == expected {
		m.ID = expected
	} else {
		m.ID = strings.Clone(m.ID)
	}
	return err
}

// decode leaves m.ID aliasing the source.
func (m *Credentials) decode(d decoder) error {
	*m = Credentials{}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.ID = d.shared()
		case 2:
			m.Body = d.block
		case 3:
			if d.value > uint64(Revoked) {
				d.fail(d.at, "unknown status "+strconv.FormatUint(d.value, 10))
			}
			m.Status = CredentialsStatus(d.value)
		case 4:
			m.ExpiresUnix = d.value
		}
	}
	d.require(1, m.ID != "")
	return d.err
}
