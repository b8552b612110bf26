package engine

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // Kaa's id scheme, an identifier and not a signature
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Names of things. Each is a type of its own, so that one cannot be given for
// another.
type (
	// TenantID names a tenant: 1 to 64 characters of [A-Za-z0-9._-].
	TenantID string
	// ApplicationID is chosen by the engine: a UUID.
	ApplicationID string
	// CredentialsID is any valid UTF-8 string of 1 to 256 bytes without NUL.
	CredentialsID string
	// EndpointID is of the same form as a CredentialsID.
	EndpointID string
	// SessionID is chosen by the engine.
	SessionID string
	// ServiceName names a credentials service: a letter, then up to 63
	// characters of [A-Za-z0-9._-].
	ServiceName string
	// UserName is 1 to 128 characters of [A-Za-z0-9._@-].
	UserName string
	// Digest identifies a module: "sha256:" and 64 hexadecimal digits.
	Digest string
)

// DefaultTenant is the tenant that exists from the first start.
const DefaultTenant TenantID = "default"

// The names of the built-in services. DefaultService is used by applications
// that name none.
const (
	Trustful       ServiceName = "Trustful"
	Internal       ServiceName = "Internal"
	DefaultService             = Trustful
)

// Limits of what callers send.
const (
	MaxIDBytes   = 256
	MaxBodyBytes = 64 << 10 // credentials body and registration profile
	maxNameBytes = 128
)

var serviceNameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)

func checkID(kind, id, field string) error {
	switch {
	case id == "":
		return Errorf(CodeInvalid, "%s is empty: give a string of 1 to %d bytes", kind, MaxIDBytes).InField(field)
	case len(id) > MaxIDBytes:
		return Errorf(CodeInvalid, "%s has %d bytes: at most %d are allowed", kind, len(id), MaxIDBytes).InField(field)
	case !utf8.ValidString(id) || strings.ContainsRune(id, 0):
		return Errorf(CodeInvalid, "%s is not valid UTF-8 without NUL", kind).InField(field)
	}
	return nil
}

func (id CredentialsID) check() error {
	return checkID("the credentials id", string(id), "/credentialsId")
}

func (id EndpointID) check() error { return checkID("the endpoint id", string(id), "/endpointId") }

func (n ServiceName) check() error {
	if !serviceNameForm.MatchString(string(n)) {
		return Errorf(CodeInvalid, "%q is no name for a credentials service: begin with a letter, then up to 63 letters, digits, dots, dashes or underscores", string(n)).InField("/name")
	}
	return nil
}

// IDScheme says how credentials ids follow from bodies in an application.
type IDScheme string

// The schemes. IDSchemeKaa gives the ids of Kaa 0.10 (standard Base64 of
// SHA-1), for fleets that move over.
const (
	IDSchemeSHA256 IDScheme = "sha256"
	IDSchemeKaa    IDScheme = "kaa-sha1"
)

// ID returns the id that the scheme gives to a body.
func (s IDScheme) ID(body []byte) CredentialsID {
	if s == IDSchemeKaa {
		sum := sha1.Sum(body) //nolint:gosec // see the import
		return CredentialsID(base64.StdEncoding.EncodeToString(sum[:]))
	}
	sum := sha256.Sum256(body)
	return CredentialsID(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// matches tells whether body hashes to id.
func (s IDScheme) matches(id CredentialsID, body []byte) bool {
	return subtle.ConstantTimeCompare([]byte(s.ID(body)), []byte(id)) == 1
}

func (s IDScheme) check() error {
	if s != IDSchemeSHA256 && s != IDSchemeKaa {
		return Errorf(CodeInvalid, "idScheme %q is unknown: use %q or %q", string(s), IDSchemeSHA256, IDSchemeKaa).InField("/idScheme")
	}
	return nil
}

// DigestOf returns the digest of a module's bytes.
func DigestOf(wasm []byte) Digest {
	sum := sha256.Sum256(wasm)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// ParseDigest checks the form of a digest.
func ParseDigest(s string) (Digest, error) {
	raw, ok := strings.CutPrefix(s, "sha256:")
	if _, err := hex.DecodeString(raw); !ok || err != nil || len(raw) != 2*sha256.Size || strings.ToLower(raw) != raw {
		return "", Errorf(CodeInvalid, "%.80q is no module digest: give sha256: and 64 lower-case hexadecimal digits", s).InField("/module")
	}
	return Digest(s), nil
}

func (d Digest) hex() string { return strings.TrimPrefix(string(d), "sha256:") }

// newOperationID returns a new id that sorts by time (UUID version 7), so that
// the audit log is in the order of events.
func newOperationID() string { return uuid.Must(uuid.NewV7()).String() }

// newToken returns 20 random decimal digits, the form of application tokens
// in Kaa 0.10.
func newToken() (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return "", Wrap(err, CodeInternal, "no randomness for a token")
	}
	digits := n.String()
	return strings.Repeat("0", 20-len(digits)) + digits, nil
}
