package engine

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

const (
	vaultKeyBytes = 32 // AES-256
	vaultKeyID    = 8  // bytes of the key's SHA-256
	// secretAge is how long a value may be used after it was changed or
	// deleted.
	secretAge = time.Second
)

// VaultKey encrypts secrets. It shows nothing of itself but its id.
type VaultKey struct {
	id   []byte
	aead cipher.AEAD
}

// NewVaultKey takes 32 random bytes.
func NewVaultKey(key []byte) (VaultKey, error) {
	if len(key) != vaultKeyBytes {
		return VaultKey{}, Errorf(CodeInvalid, "a key for secrets has %d bytes, not %d", vaultKeyBytes, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return VaultKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	sum := sha256.Sum256(key)
	return VaultKey{id: sum[:vaultKeyID], aead: aead}, err
}

// ParseVaultKeys reads keys, one in a line, in standard base64. Empty lines and
// those that begin with # are passed over. An error names the line and shows
// nothing of it.
func ParseVaultKeys(text []byte) ([]VaultKey, error) {
	var keys []VaultKey
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(raw) != vaultKeyBytes {
			return nil, Errorf(CodeInvalid, "line %d is no key: each line is %d random bytes in standard base64, as `openssl rand -base64 %d` makes them", number, vaultKeyBytes, vaultKeyBytes)
		}
		key, err := NewVaultKey(raw)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, Errorf(CodeInvalid, "there is no key: write %d random bytes in standard base64 in a line, as `openssl rand -base64 %d` makes them", vaultKeyBytes, vaultKeyBytes)
	}
	return keys, nil
}

// Vault encrypts secrets before they are stored, and hands their values to
// modules' host functions. It is safe for concurrent use.
type Vault struct {
	store Store
	keys  []VaultKey
	now   func() time.Time

	mu     sync.Mutex // guards recent
	recent map[SecretName]openedSecret
}

type openedSecret struct {
	value []byte
	until time.Time
}

// NewVault makes a vault. The first key encrypts, all decrypt; without any,
// secrets can be listed and deleted only.
func NewVault(store Store, keys []VaultKey) *Vault {
	return &Vault{store: store, keys: keys, now: time.Now, recent: map[SecretName]openedSecret{}}
}

// errNoVaultKey says what to configure.
var errNoVaultKey = Errorf(CodeUnsupported,
	"this node has no key for secrets: give the same one to every node, with secrets.keyFile or CREDENCE_SECRETS__KEY (`openssl rand -base64 32` makes one)")

// Secret returns the value of a secret, as it was at most a second ago. The
// caller must not change or show it. [ErrNotFound] when there is none;
// CodeUnsupported or CodeUnavailable when this node lacks the key.
func (v *Vault) Secret(ctx context.Context, name string) ([]byte, error) {
	key := SecretName(name)
	if key.check() != nil {
		return nil, noSecret(key)
	}
	asked := v.now()
	v.mu.Lock()
	recent, ok := v.recent[key]
	v.mu.Unlock()
	if ok && asked.Before(recent.until) {
		return recent.value, nil
	}
	snap, err := v.store.Read(ctx, Strict, secretKey(key))
	if err != nil {
		return nil, err
	}
	if !snap.Records[0].Exists() {
		return nil, noSecret(key)
	}
	s, err := decodeSealed(snap.Records[0])
	if err != nil {
		return nil, err
	}
	value, err := v.open(key, s)
	if err != nil {
		return nil, err
	}
	v.keep(key, openedSecret{value: value, until: asked.Add(secretAge)})
	return value, nil
}

// keep remembers a value, and lets go of those whose time is over.
func (v *Vault) keep(name SecretName, s openedSecret) {
	now := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.recent, func(_ SecretName, old openedSecret) bool { return !now.Before(old.until) })
	v.recent[name] = s
}

// forget lets go of a value that was changed on this node.
func (v *Vault) forget(name SecretName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.recent, name)
}

// seal encrypts a secret's value.
func (v *Vault) seal(s *sealedSecret, value []byte) (err error) {
	s.KeyID, s.Sealed, err = v.encrypt(s.Name, value)
	return err
}

// encrypt encrypts a value with the first key, and returns the key's id. The
// name is authenticated with it, so that a value cannot be moved under another
// name.
func (v *Vault) encrypt(name SecretName, value []byte) (keyID, sealed []byte, err error) {
	if len(v.keys) == 0 {
		return nil, nil, errNoVaultKey
	}
	key := v.keys[0]
	return key.id, key.aead.Seal(nil, nil, value, []byte(name)), nil //nolint:gosec // this kind chooses the nonce itself
}

func (v *Vault) open(name SecretName, s sealedSecret) ([]byte, error) {
	value, err := v.decrypt(name, s.KeyID, s.Sealed)
	switch {
	case errors.Is(err, errOtherVaultKey):
		return nil, Errorf(CodeUnavailable, "the secret %q was encrypted with the key %s, which this node does not have: add that key to this node's keys, or set the secret again on this node",
			string(name), hex.EncodeToString(s.KeyID))
	case errors.Is(err, errSealBroken):
		return nil, Wrap(err, CodeInternal, "a stored secret is damaged: set it again")
	}
	return value, err
}

// Why a value cannot be decrypted.
var (
	errOtherVaultKey = errors.New("it was encrypted with another key")
	errSealBroken    = errors.New("the value is damaged")
)

// decrypt fails with errNoVaultKey, or one of the above.
func (v *Vault) decrypt(name SecretName, keyID, sealed []byte) ([]byte, error) {
	if len(v.keys) == 0 {
		return nil, errNoVaultKey
	}
	for _, key := range v.keys {
		if !bytes.Equal(key.id, keyID) {
			continue
		}
		value, err := key.aead.Open(nil, nil, sealed, []byte(name))
		if err != nil {
			err = fmt.Errorf("%q, key %x: %w: %w", name, keyID, errSealBroken, err)
		}
		return value, err
	}
	return nil, errOtherVaultKey
}

func noSecret(name SecretName) error {
	return Wrap(ErrNotFound, CodeNotFound, fmt.Sprintf("there is no secret %.64q: see GET /v1/secrets for those that exist", string(name)))
}
