package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
)

// MaxSessionTTL is the longest that any node may be told to let sessions last.
// What ends sessions, and what verifies their tokens, is kept for longer.
const MaxSessionTTL = 7 * 24 * time.Hour

// The settings of sessions that are not given.
const (
	DefaultSessionIssuer   = "credence"
	DefaultSessionTTL      = 24 * time.Hour
	DefaultSessionRotation = 24 * time.Hour
)

// SessionOptions are the settings of sessions; zero values take the defaults.
type SessionOptions struct {
	// Issuer is the "iss" of tokens, the same on all nodes.
	Issuer string
	// MaxTTL is the longest that a session may be asked for, at most
	// [MaxSessionTTL].
	MaxTTL time.Duration
	// KeyRotation is how long one key signs tokens, at least an hour.
	KeyRotation time.Duration
}

func (o SessionOptions) withDefaults() SessionOptions {
	o.Issuer = cmp.Or(o.Issuer, DefaultSessionIssuer)
	o.MaxTTL = min(cmp.Or(o.MaxTTL, DefaultSessionTTL), MaxSessionTTL)
	o.KeyRotation = max(cmp.Or(o.KeyRotation, DefaultSessionRotation), time.Hour)
	return o
}

// sessionIDForm: 32 hexadecimal digits that follow from the credentials, a dot,
// and 26 random characters.
var sessionIDForm = regexp.MustCompile(`^[0-9a-f]{32}\.[a-z2-7]{26}$`)

// newSessionID returns a new id, from which the key of the session follows: the
// sessions of one credential lie side by side.
func newSessionID(id CredentialsID) SessionID {
	return SessionID(sessionsOf(id) + strings.ToLower(rand.Text()))
}

// sessionsOf is how the ids of all sessions of credentials begin.
func sessionsOf(id CredentialsID) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16]) + "."
}

// Session is what an accepted endpoint holds until it expires, is ended, or
// would not be accepted any more. Its record is written once and never changed.
type Session struct {
	ID            SessionID     `cbor:"-"` // the end of the record's key
	CredentialsID CredentialsID `cbor:"1,keyasint"`
	EndpointID    EndpointID    `cbor:"2,keyasint"`
	// RegisteredAt is when the registration was made that the session was
	// opened under. One that was deleted and made anew is another one.
	RegisteredAt time.Time `cbor:"3,keyasint"`
	CreatedAt    time.Time `cbor:"4,keyasint"`
	ExpiresAt    time.Time `cbor:"5,keyasint"`           // in whole seconds, as tokens say it
	OpenedBy     UserName  `cbor:"6,keyasint,omitempty"` // the gateway
	Node         NodeID    `cbor:"7,keyasint"`           // that opened it

	Version Revision `cbor:"-"`
}

func decodeSession(r Record) (Session, error) {
	s := Session{ID: SessionID(lastSegment(r.Key)), Version: r.Version}
	return s, decode(r, &s)
}

// endedMark ends all sessions of an endpoint that were opened before it was
// written.
type endedMark struct {
	At   time.Time `cbor:"1,keyasint"`
	User UserName  `cbor:"2,keyasint,omitempty"`
}

// over tells why a session is over, by the records alone that say so: the mark
// of its endpoint, its registration, and the clock. Empty: it is not. Whether
// the endpoint would be accepted is another question, see judge.
func (s *Session) over(mark Record, reg *Registration, now time.Time) Reason {
	switch {
	case mark.Exists() && mark.Version >= s.Version,
		reg.EndpointID != s.EndpointID, !reg.CreatedAt.Equal(s.RegisteredAt):
		return ReasonSessionEnded
	case !now.Before(s.ExpiresAt):
		return ReasonSessionExpired
	}
	return ""
}

// open tells whether a session is one that a listing shows.
func (s *Session) open(mark, registration, credentials Record, now time.Time) (bool, error) {
	var reg Registration
	var c Credentials
	var err error
	if registration.Exists() {
		reg, err = decodeRegistration(registration)
	}
	if credentials.Exists() && err == nil {
		c, err = decodeCredentials(credentials)
	}
	return c.Status != Revoked && s.over(mark, &reg, now) == "", err
}

// session returns the record, with the zero value when there is none.
func (tx *Tx) session(ctx context.Context, app ApplicationID, id SessionID) (Session, error) {
	r, err := tx.get(ctx, sessionKey(app, id))
	if err != nil || !r.Exists() {
		return Session{}, err
	}
	return decodeSession(r)
}

func noSession(id SessionID) error {
	return Errorf(CodeNotFound, "there is no open session %.80q: it has ended, or never was", string(id))
}

// checkTTL refuses a session that is longer than this node allows.
func (o SessionOptions) checkTTL(ttl time.Duration) error {
	if ttl < time.Second || ttl > o.MaxTTL {
		return Errorf(CodeInvalid, "a session can last from 1 to %d seconds", int64(o.MaxTTL.Seconds())).InField("/session/ttlSeconds")
	}
	return nil
}
