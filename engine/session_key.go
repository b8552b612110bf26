package engine

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// jwtKey signs tokens from SignsFrom on, until the next key does. Its id is
// the thumbprint of its public part (RFC 7638).
type jwtKey struct {
	ID        string    `cbor:"-"`
	Public    []byte    `cbor:"1,keyasint"`
	CreatedAt time.Time `cbor:"2,keyasint"`
	SignsFrom time.Time `cbor:"3,keyasint"`
	// VaultKey and Sealed are the private part, as the vault encrypts it.
	VaultKey []byte `cbor:"4,keyasint"`
	Sealed   []byte `cbor:"5,keyasint"`
}

func (k *jwtKey) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: ed25519.PublicKey(k.Public), KeyID: k.ID, Algorithm: string(jose.EdDSA), Use: "sig"}
}

// vaultName authenticates the private part; no secret has such a name.
func (k *jwtKey) vaultName() SecretName { return SecretName(jwtKeyKey(k.ID)) }

func decodeJWTKey(r Record) (jwtKey, error) {
	k := jwtKey{ID: lastSegment(r.Key)}
	if err := decode(r, &k); err != nil {
		return jwtKey{}, err
	}
	if id, err := thumbprint(k.Public); err != nil || id != k.ID {
		return jwtKey{}, Wrap(errors.New("record "+r.Key+": not the thumbprint of the key"), CodeInternal, "a stored key for tokens is damaged")
	}
	return k, nil
}

func thumbprint(public []byte) (string, error) {
	if len(public) != ed25519.PublicKeySize {
		return "", errors.New("no Ed25519 public key")
	}
	sum, err := (&jose.JSONWebKey{Key: ed25519.PublicKey(public)}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// newJWTKey makes a key whose private part only the vault can read.
func newJWTKey(v *Vault, now, from time.Time) (jwtKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return jwtKey{}, Wrap(err, CodeInternal, "no randomness for a key")
	}
	k := jwtKey{Public: public, CreatedAt: now, SignsFrom: from}
	if k.ID, err = thumbprint(public); err != nil {
		return jwtKey{}, err
	}
	k.VaultKey, k.Sealed, err = v.encrypt(k.vaultName(), private.Seed())
	return k, err
}

// signer opens the private part.
func (k *jwtKey) signer(v *Vault) (signer, error) {
	seed, err := v.decrypt(k.vaultName(), k.VaultKey, k.Sealed)
	switch {
	case errors.Is(err, errOtherVaultKey):
		return signer{}, Errorf(CodeUnavailable, "the key for tokens was encrypted with the key %s, which this node does not have: add that key to this node's secrets.keyFile",
			hex.EncodeToString(k.VaultKey))
	case err != nil || len(seed) != ed25519.SeedSize:
		return signer{}, Wrap(err, CodeInternal, "a stored key for tokens is damaged")
	}
	return signer{kid: k.ID, key: ed25519.NewKeyFromSeed(seed)}, nil
}

// keyRing is the keys for tokens as they were at a time, those that begin to
// sign first in front.
type keyRing struct {
	keys []jwtKey
	read time.Time
}

// ringAge is how old a ring may be that signs, or is published. It is much
// shorter than the time for which a key is published before it signs.
const ringAge = time.Minute

func newRing(records []Record, read time.Time) (*keyRing, error) {
	ring := &keyRing{read: read}
	for _, r := range records {
		k, err := decodeJWTKey(r)
		if err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, k)
	}
	slices.SortFunc(ring.keys, func(a, b jwtKey) int { return a.SignsFrom.Compare(b.SignsFrom) })
	return ring, nil
}

// signing returns the key that signs now: the last one that has begun.
func (r *keyRing) signing(now time.Time) *jwtKey {
	if keys := r.unspent(now); len(keys) > 0 && !now.Before(keys[0].SignsFrom) {
		return &keys[0]
	}
	return nil
}

// unspent returns the key that signs now, if there is one, and those that will.
func (r *keyRing) unspent(now time.Time) []jwtKey {
	for i := range slices.Backward(r.keys) {
		if !now.Before(r.keys[i].SignsFrom) {
			return r.keys[i:]
		}
	}
	return r.keys
}

// sessionRing returns a ring that is at most ringAge old.
func (e *Engine) sessionRing(ctx context.Context) (*keyRing, error) {
	if ring := e.ring.Load(); ring != nil && time.Since(ring.read) < ringAge {
		return ring, nil
	}
	return e.readRing(ctx)
}

func (e *Engine) readRing(ctx context.Context) (*keyRing, error) {
	read := time.Now()
	page, err := e.store.List(ctx, ListRequest{Prefixes: []string{jwtKeyPrefix}, Limit: MaxListLimit})
	if err != nil {
		return nil, err
	}
	ring, err := newRing(page.Records, read)
	if err == nil {
		e.ring.Store(ring)
	}
	return ring, err
}

// sessionSigner returns what signs tokens now. The first session of all makes
// the first key.
func (e *Engine) sessionSigner(ctx context.Context) (signer, error) {
	if len(e.vault.keys) == 0 {
		return signer{}, errNoSessionKey
	}
	ring, err := e.sessionRing(ctx)
	if err != nil {
		return signer{}, err
	}
	key := ring.signing(e.now())
	if key == nil {
		if ring, err = e.rotateKeys(ctx, true); err != nil {
			return signer{}, err
		}
		if key = ring.signing(e.now()); key == nil {
			return signer{}, Errorf(CodeUnavailable, "no key for tokens may sign yet: the clocks of the nodes differ by more than they should")
		}
	}
	return key.signer(e.vault)
}

var errNoSessionKey = Errorf(CodeUnsupported,
	"this node opens no sessions, since it has no key to encrypt those for tokens with: give the same one to every node, with secrets.keyFile or CREDENCE_SECRETS__KEY (`openssl rand -base64 32` makes one)")

// SessionKeys returns the public keys that verify the tokens of sessions, as a
// JSON Web Key Set (RFC 7517), and how many there are. A key is in it for
// longer before it signs than the set may be kept.
func (e *Engine) SessionKeys(ctx context.Context) (set []byte, n int, err error) {
	ring, err := e.sessionRing(ctx)
	if err != nil {
		return nil, 0, err
	}
	keys := make([]jose.JSONWebKey, len(ring.keys))
	for i := range ring.keys {
		keys[i] = ring.keys[i].jwk()
	}
	set, err = json.Marshal(jose.JSONWebKeySet{Keys: keys})
	return set, len(keys), err
}
