package rest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/credence-engine/credence/engine"
)

const (
	// passwordChecks is how many passwords are hashed at once: each takes
	// 19 MiB and tens of milliseconds of a core.
	passwordChecks = 2
	// maxRemembered bounds the users whose password is remembered to match.
	maxRemembered = 1024
)

// logins says who asks. The user's record is read from the store with every
// request, so that a change of it holds at once; only that a password matched
// a version of the record is remembered.
type logins struct {
	engine *engine.Engine
	now    func() time.Time
	slots  chan struct{}
	failed *failures
	decoy  engine.User // hashed against when there is no such user
	secret []byte      // of this process

	mu      sync.Mutex // guards matched
	matched map[engine.UserName]match
}

type match struct {
	version  engine.Revision
	password [sha256.Size]byte // keyed hash
}

func newLogins(e *engine.Engine) *logins {
	secret, salt := make([]byte, 32), make([]byte, 16)
	_, _ = rand.Read(secret) // never fails, see crypto/rand
	_, _ = rand.Read(salt)
	return &logins{
		engine: e, now: time.Now, slots: make(chan struct{}, passwordChecks), failed: newFailures(), secret: secret,
		decoy:   engine.User{Salt: salt, Hash: make([]byte, 32)},
		matched: map[engine.UserName]match{},
	}
}

// user authenticates the value of an Authorization header that came from an
// address.
func (l *logins) user(ctx context.Context, header, address string) (engine.User, error) {
	name, password, err := basic(header)
	if err != nil {
		return engine.User{}, err
	}
	who := login{user: name, address: address}
	if err := l.failed.check(who, l.now()); err != nil {
		return engine.User{}, err
	}
	user, known, err := l.find(ctx, name)
	if err != nil {
		return engine.User{}, err
	}
	if known && l.remembers(user, password) {
		return user, nil
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return engine.User{}, engine.Wrap(ctx.Err(), engine.CodeUnavailable, "too many logins are being checked: try again")
	}
	// Others may have failed, or got in, while this one waited.
	if err := l.failed.check(who, l.now()); err != nil {
		return engine.User{}, err
	}
	if known && l.remembers(user, password) {
		return user, nil
	}
	if !user.Matches(password) || !known {
		l.failed.add(who, l.now())
		return engine.User{}, engine.Errorf(engine.CodeUnauthenticated, "the user name or the password is wrong")
	}
	l.failed.forget(who)
	l.remember(user, password)
	return user, nil
}

var userNameForm = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,128}$`)

// find returns the user, or the decoy with known false.
func (l *logins) find(ctx context.Context, name engine.UserName) (user engine.User, known bool, err error) {
	if !userNameForm.MatchString(string(name)) {
		return l.decoy, false, nil
	}
	user, err = l.engine.User(ctx, name)
	if engine.CodeOf(err) == engine.CodeNotFound {
		return l.decoy, false, nil
	}
	return user, err == nil, err
}

var errNoLogin = engine.Errorf(engine.CodeUnauthenticated, "log in: send a user name and a password with HTTP Basic")

// basic reads HTTP Basic credentials (RFC 7617).
func basic(header string) (engine.UserName, string, error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return "", "", errNoLogin
	case strings.EqualFold(scheme, "Bearer"):
		return "", "", engine.Errorf(engine.CodeUnauthenticated, "this version does not offer API tokens: send a user name and a password with HTTP Basic")
	case !strings.EqualFold(scheme, "Basic"):
		return "", "", engine.Errorf(engine.CodeUnauthenticated, "this way to log in is not offered: send a user name and a password with HTTP Basic")
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	name, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok || !utf8.Valid(decoded) {
		return "", "", engine.Errorf(engine.CodeUnauthenticated, "the Authorization header is malformed: HTTP Basic takes the base64 of name:password in UTF-8")
	}
	return engine.UserName(name), password, nil
}

func (l *logins) keyed(u engine.User, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte(string(u.Name) + "\x00" + password))
	return [sha256.Size]byte(mac.Sum(sum[:0]))
}

func (l *logins) remembers(u engine.User, password string) bool {
	l.mu.Lock()
	m, ok := l.matched[u.Name]
	l.mu.Unlock()
	sum := l.keyed(u, password)
	return ok && m.version == u.Version && hmac.Equal(m.password[:], sum[:])
}

func (l *logins) remember(u engine.User, password string) {
	sum := l.keyed(u, password)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.matched) >= maxRemembered {
		for other := range l.matched { // any: it costs that user one hash
			delete(l.matched, other)
			break
		}
	}
	l.matched[u.Name] = match{version: u.Version, password: sum}
}
