package engine

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"slices"
	"time"
)

// maxSignatures of one module: a few keys at a time, while one takes the place
// of another.
const maxSignatures = 8

// Signature says that the holder of a key vouches for a module.
type Signature struct {
	Key     SigningKeyID `cbor:"1,keyasint"`
	Value   []byte       `cbor:"2,keyasint"` // Ed25519, 64 bytes
	AddedAt time.Time    `cbor:"3,keyasint"`
	AddedBy UserName     `cbor:"4,keyasint,omitempty"`
}

// signedMessage is what is signed: the digest, which covers every byte of the
// module and so its manifest, with its name and version. The first line keeps
// the signature from meaning anything elsewhere.
func signedMessage(d Digest) []byte {
	return []byte("credence module signature v1\n" + string(d) + "\n")
}

// SignModule signs a module with a private key.
func SignModule(key ed25519.PrivateKey, d Digest) Signature {
	public, _ := key.Public().(ed25519.PublicKey)
	return Signature{Key: SigningKeyIDOf(public), Value: ed25519.Sign(key, signedMessage(d))}
}

// SignedBy tells whether the signature is one of the module by this key.
func (s Signature) SignedBy(key ed25519.PublicKey, d Digest) bool {
	return s.Key == SigningKeyIDOf(key) && len(s.Value) == ed25519.SignatureSize && ed25519.Verify(key, signedMessage(d), s.Value)
}

// SignatureMode says what a node does about modules without a good signature.
type SignatureMode string

// The modes.
const (
	SignaturesOff      SignatureMode = "off"      // runs them
	SignaturesWarn     SignatureMode = "warn"     // runs them, and says so in the log
	SignaturesRequired SignatureMode = "required" // never runs them, whoever deployed them
)

// SignaturePolicy is that of one node. The zero value is SignaturesOff.
type SignaturePolicy struct {
	Mode SignatureMode
	Keys []TrustedKey
}

// SignatureState is what a node finds of a module's signatures.
type SignatureState string

// The states.
const (
	Unsigned     SignatureState = "UNSIGNED" // there is none
	Signed       SignatureState = "SIGNED"   // one by a key that this node trusts
	BadSignature SignatureState = "INVALID"  // none of those that are there counts, see Detail
)

// Vouching is what a node finds, with the name of the key that counted, or the
// reason why none did.
type Vouching struct {
	State  SignatureState
	Key    string
	Detail string
}

// judge looks for a signature that counts.
func (p SignaturePolicy) judge(m Module) Vouching {
	if len(m.Signatures) == 0 {
		return Vouching{State: Unsigned, Detail: "it is not signed"}
	}
	v := Vouching{State: BadSignature}
	for _, s := range m.Signatures {
		at := slices.IndexFunc(p.Keys, func(k TrustedKey) bool { return SigningKeyIDOf(k.Key) == s.Key })
		switch {
		case at < 0 && v.Detail == "":
			v.Detail = "it is signed with the key " + string(s.Key) + ", which this node does not trust"
		case at < 0:
		case s.SignedBy(p.Keys[at].Key, m.Digest):
			return Vouching{State: Signed, Key: p.Keys[at].Name}
		default:
			v.Detail = "its signature with the key " + p.Keys[at].Name + " does not fit its bytes"
		}
	}
	return v
}

// Vouching says what this node finds of a module's signatures.
func (e *Engine) Vouching(m Module) Vouching { return e.services.signatures.judge(m) }

// checkSignature keeps this node from running a module that nobody vouches
// for. The bytes are held against the digest when they are read.
func (r *registry) checkSignature(ctx context.Context, store Store, s Service) error {
	if r.signatures.Mode != SignaturesWarn && r.signatures.Mode != SignaturesRequired {
		return nil
	}
	snap, err := store.Read(ctx, Strict, moduleKey(s.Module))
	if err != nil {
		return err
	}
	m := Module{}
	if snap.Records[0].Exists() { // or else the module cannot be read either
		if m, err = decodeModule(snap.Records[0]); err != nil {
			return err
		}
	}
	m.Digest = s.Module // whatever the record says
	v := r.signatures.judge(m)
	switch {
	case v.State == Signed:
		return nil
	case r.signatures.Mode == SignaturesWarn:
		r.log.Warn("a module that nobody vouches for is started", "service", s.Name, "module", s.Module, "signature", v.State, "detail", v.Detail)
		return nil
	}
	return Errorf(CodeConflict, "the module %s cannot run on this node, which takes signed modules only: %s. Sign it with `credence module sign`, and add the signature with `credence module upload --signature`",
		s.Module, v.Detail).InField("/module")
}

// AddSignature adds a signature to a module, in the place of one with the same
// key. One that this node can check and finds wrong is refused (CodeInvalid);
// whether it counts is for each node to judge when it starts a service.
func (e *Engine) AddSignature(ctx context.Context, caller Caller, d Digest, s Signature) (Module, error) {
	if err := s.Key.check(); err != nil {
		return Module{}, err
	}
	if len(s.Value) != ed25519.SignatureSize {
		return Module{}, Errorf(CodeInvalid, "the signature has %d bytes: one of Ed25519 has %d", len(s.Value), ed25519.SignatureSize).InField("/signature")
	}
	for _, k := range e.services.signatures.Keys {
		if SigningKeyIDOf(k.Key) == s.Key && !s.SignedBy(k.Key, d) {
			return Module{}, Errorf(CodeInvalid, "the signature with the key %s does not fit this module: it is of another module, or was damaged", k.Name).InField("/signature")
		}
	}
	return e.changeSignatures(ctx, caller, d, "module.sign", s.Key, func(all []Signature) ([]Signature, error) {
		at := slices.IndexFunc(all, func(old Signature) bool { return old.Key == s.Key })
		switch {
		case at >= 0 && bytes.Equal(all[at].Value, s.Value):
			return nil, nil // there already
		case at >= 0:
			all = slices.Delete(all, at, at+1)
		case len(all) >= maxSignatures:
			return nil, Errorf(CodeConflict, "the module has %d signatures, which is the most: delete one first", maxSignatures)
		}
		s.AddedAt, s.AddedBy = e.now(), caller.User
		return append(all, s), nil
	})
}

// DeleteSignature removes the signature with a key. What runs goes on; a node
// that requires signatures does not start it again without another one.
func (e *Engine) DeleteSignature(ctx context.Context, caller Caller, d Digest, key SigningKeyID) error {
	_, err := e.changeSignatures(ctx, caller, d, "module.unsign", key, func(all []Signature) ([]Signature, error) {
		at := slices.IndexFunc(all, func(old Signature) bool { return old.Key == key })
		if at < 0 {
			return nil, Errorf(CodeNotFound, "the module has no signature with the key %.40q", string(key))
		}
		return slices.Delete(all, at, at+1), nil
	})
	return err
}

// changeSignatures replaces a module's signatures by what change makes of a
// copy; nil changes nothing.
func (e *Engine) changeSignatures(ctx context.Context, caller Caller, d Digest, action string, key SigningKeyID,
	change func([]Signature) ([]Signature, error),
) (Module, error) {
	m, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Module, error) {
		m, err := tx.module(ctx, d)
		if err != nil {
			return m, err
		}
		changed, err := change(slices.Clone(m.Signatures))
		if err != nil || changed == nil {
			return m, err
		}
		m.Signatures, m.Version = changed, 0
		tx.audit(action, "", string(d)+" "+string(key))
		return m, tx.save(moduleKey(d), m)
	})
	if m.Version == 0 {
		m.Version = rev
	}
	return m, err
}
