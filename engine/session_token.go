package engine

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"hash/maphash"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// maxTokenBytes bounds a token that is looked at; those that the engine makes
// are shorter, however long their ids are.
const maxTokenBytes = 8 << 10

// tokenAlgorithms are those that a token may be signed with: EdDSA alone, so
// that "none" and those of shared keys are never looked at.
var tokenAlgorithms = []jose.SignatureAlgorithm{jose.EdDSA}

// tokenClaims is what a token says (RFC 7519): jti is the session, sub the
// endpoint, aud the application.
type tokenClaims struct {
	jwt.Claims
	Credentials CredentialsID `json:"credentials_id"`
	Version     Revision      `json:"resource_version"` // at which the session was opened
}

func (c *tokenClaims) session() SessionID   { return SessionID(c.ID) }
func (c *tokenClaims) endpoint() EndpointID { return EndpointID(c.Subject) }

// signer signs tokens with one key.
type signer struct {
	kid string
	key ed25519.PrivateKey
}

func (k signer) sign(issuer string, app ApplicationID, s *Session) (string, error) {
	payload, err := json.Marshal(tokenClaims{
		Claims: jwt.Claims{
			Issuer: issuer, Audience: jwt.Audience{string(app)}, Subject: string(s.EndpointID), ID: string(s.ID),
			IssuedAt: jwt.NewNumericDate(s.CreatedAt), NotBefore: jwt.NewNumericDate(s.CreatedAt), Expiry: jwt.NewNumericDate(s.ExpiresAt),
		},
		Credentials: s.CredentialsID, Version: s.Version,
	})
	if err != nil {
		return "", err
	}
	with, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: k.key, KeyID: k.kid}},
		new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return "", err
	}
	signed, err := with.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// parsedToken is a token of the right form. Until verify has passed it says no
// more than where to look.
type parsedToken struct {
	text   string
	kid    string
	claims tokenClaims
	signed *jwt.JSONWebToken
	by     []byte // the record of the key that is known to have signed it; nil: none is
}

var jwtKeyIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Refusals of tokens, for operators.
var (
	errTokenForm   = errors.New("this is no token of a session")
	errTokenKey    = errors.New("the token was signed with a key that is not, or no longer, one of this deployment")
	errTokenSigned = errors.New("the signature of the token does not hold")
	errTokenIssuer = errors.New("the token was issued by another deployment, or under another sessions.issuer")
	errTokenApp    = errors.New("the token is for another application")
)

// parseToken reads a token in the compact form, and refuses all that sign would
// not have made.
func parseToken(text string) (parsedToken, error) {
	if known := verifiedTokens.find(text); known != nil {
		return *known, nil
	}
	if len(text) > maxTokenBytes || strings.Count(text, ".") != 2 {
		return parsedToken{}, errTokenForm
	}
	signed, err := jwt.ParseSigned(text, tokenAlgorithms)
	if err != nil || len(signed.Headers) != 1 {
		return parsedToken{}, errTokenForm
	}
	t := parsedToken{text: text, kid: signed.Headers[0].KeyID, signed: signed}
	if err := signed.UnsafeClaimsWithoutVerification(&t.claims); err != nil {
		return parsedToken{}, errTokenForm
	}
	c := &t.claims
	if !jwtKeyIDForm.MatchString(t.kid) || c.Credentials.check() != nil || c.endpoint().check() != nil || c.Expiry == nil ||
		!sessionIDForm.MatchString(c.ID) || !strings.HasPrefix(c.ID, sessionsOf(c.Credentials)) {
		return parsedToken{}, errTokenForm
	}
	return t, nil
}

// verify says that a key of this deployment has signed the token, for an
// application. Whether it has expired, the session says.
func (t parsedToken) verify(record Record, issuer string, app ApplicationID) error {
	if !record.Exists() {
		return errTokenKey
	}
	if t.by == nil || !bytes.Equal(record.Value, t.by) {
		key, err := decodeJWTKey(record)
		if err != nil {
			return errTokenKey
		}
		var claims tokenClaims // those before may be shared
		if err := t.signed.Claims(ed25519.PublicKey(key.Public), &claims); err != nil {
			return errTokenSigned
		}
		t.claims, t.by = claims, record.Value
		verifiedTokens.keep(&t)
	}
	switch {
	case t.claims.Issuer != issuer:
		return errTokenIssuer
	case len(t.claims.Audience) != 1 || t.claims.Audience[0] != string(app):
		return errTokenApp
	}
	return nil
}

// verifiedTokens remembers tokens whose signature held: checking it is most of
// the work of an introspection. The bytes of a token and of the record of a key
// decide for good whether it holds; all else is looked at each time, as is
// whether the key is still there.
var verifiedTokens = tokenMemory{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[parsedToken], 1<<11)}

type tokenMemory struct {
	seed  maphash.Seed
	slots []atomic.Pointer[parsedToken] // by the hash of the text
}

func (m *tokenMemory) slot(text string) *atomic.Pointer[parsedToken] {
	return &m.slots[maphash.String(m.seed, text)%uint64(len(m.slots))]
}

func (m *tokenMemory) find(text string) *parsedToken {
	if known := m.slot(text).Load(); known != nil && known.text == text {
		return known
	}
	return nil
}

func (m *tokenMemory) keep(t *parsedToken) { m.slot(t.text).Store(t) }
