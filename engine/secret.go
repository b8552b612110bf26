package engine

import (
	"context"
	"regexp"
	"time"
)

// MaxSecretBytes bounds the value of a secret.
const MaxSecretBytes = 16 << 10

// SecretName names a secret: a letter or a digit, then up to 63 characters of
// [A-Za-z0-9._-].
type SecretName string

var secretNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (n SecretName) check() error {
	if !secretNameForm.MatchString(string(n)) {
		return Errorf(CodeInvalid, "%.80q is no name for a secret: begin with a letter or a digit, then up to 63 letters, digits, dots, dashes or underscores", string(n)).InField("/name")
	}
	return nil
}

// Secret says that a secret exists. Nothing but a module's host functions gets
// to its value.
type Secret struct {
	Name      SecretName `cbor:"1,keyasint"`
	CreatedAt time.Time  `cbor:"2,keyasint"`
	UpdatedAt time.Time  `cbor:"3,keyasint"`
	UpdatedBy UserName   `cbor:"4,keyasint,omitempty"`

	Version Revision `cbor:"-"`
}

// sealedSecret is a secret as it is stored.
type sealedSecret struct {
	Secret
	KeyID  []byte `cbor:"5,keyasint"` // of the key that encrypted it
	Sealed []byte `cbor:"6,keyasint"` // nonce and ciphertext
}

func decodeSealed(r Record) (sealedSecret, error) {
	var s sealedSecret
	err := decode(r, &s)
	s.Version = r.Version
	return s, err
}

func decodeSecret(r Record) (Secret, error) {
	s, err := decodeSealed(r)
	return s.Secret, err
}

func (tx *Tx) secret(ctx context.Context, name SecretName) (Secret, error) {
	r, err := tx.get(ctx, secretKey(name))
	if err != nil {
		return Secret{}, err
	}
	if !r.Exists() {
		return Secret{}, noSecret(name)
	}
	return decodeSecret(r)
}

// SetSecret stores a value of 1 to [MaxSecretBytes] bytes under a name, in the
// place of one that was there, encrypted with this node's first key. Nodes go
// by the new value within a second. ifMatch, when not 0, must be the present
// version. created tells that there was none.
//
// It keeps no answer for repeated requests: the fingerprint of the request
// would tell who reads the store when he has guessed the value.
func (e *Engine) SetSecret(ctx context.Context, caller Caller, name SecretName, value []byte, ifMatch Revision) (s Secret, created bool, err error) {
	if err := name.check(); err != nil {
		return Secret{}, false, err
	}
	switch {
	case len(value) == 0:
		return Secret{}, false, Errorf(CodeInvalid, "the value is empty: a secret has 1 to %d bytes", MaxSecretBytes).InField("/value")
	case len(value) > MaxSecretBytes:
		return Secret{}, false, Errorf(CodeTooLarge, "the value has %d bytes: at most %d are allowed", len(value), MaxSecretBytes).InField("/value")
	}
	caller.Idempotency = nil
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		old, err := tx.secret(ctx, name)
		if err != nil && CodeOf(err) != CodeNotFound {
			return err
		}
		if err := checkMatch(ifMatch, old.Version); err != nil {
			return err
		}
		created = old.Version == 0
		s = Secret{Name: name, CreatedAt: old.CreatedAt, UpdatedAt: e.now(), UpdatedBy: caller.User}
		if created {
			s.CreatedAt = s.UpdatedAt
		}
		sealed := sealedSecret{Secret: s}
		if err := e.vault.seal(&sealed, value); err != nil {
			return err
		}
		tx.audit("secret.set", "", string(name))
		return tx.save(secretKey(name), sealed)
	})
	if err != nil {
		return Secret{}, false, err
	}
	e.vault.forget(name)
	s.Version = rev
	return s, created, nil
}

// Secrets lists the secrets by name, without their values.
func (e *Engine) Secrets(ctx context.Context, o ListOptions) (List[Secret], error) {
	keep, err := filterBy(o, map[string]func(*Secret, string) bool{
		"name": func(s *Secret, v string) bool { return string(s.Name) == v },
	})
	if err != nil {
		return List[Secret]{}, err
	}
	return listRecords(ctx, e, o, []string{secretKey("")}, decodeSecret, keep)
}

// Secret says whether there is a secret.
func (e *Engine) Secret(ctx context.Context, name SecretName) (Secret, error) {
	var s Secret
	_, err := e.run(ctx, Caller{}, Strict, func(tx *Tx) (err error) {
		s, err = tx.secret(ctx, name)
		return err
	})
	return s, err
}

// DeleteSecret removes a secret. A service that is granted it stays: its module
// finds no secret of that name, within a second. ifMatch, when not 0, must be
// the present version.
func (e *Engine) DeleteSecret(ctx context.Context, caller Caller, name SecretName, ifMatch Revision) error {
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		s, err := tx.secret(ctx, name)
		if err != nil {
			return err
		}
		if err := checkMatch(ifMatch, s.Version); err != nil {
			return err
		}
		tx.delete(secretKey(name))
		tx.audit("secret.delete", "", string(name))
		return nil
	})
	if err == nil {
		e.vault.forget(name)
	}
	return err
}
