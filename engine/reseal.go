package engine

import (
	"bytes"
	"context"
	"time"
)

// resealRetry is the pause after the secrets could not be looked through.
const resealRetry = 5 * time.Second

// resealSecrets looks through the secrets, and the keys for tokens, once, when a
// node starts: what was encrypted with another key than the first is encrypted
// anew, so that the other one can be taken away. A secret that this node cannot open is named in
// the log, before a module asks for it.
func (e *Engine) resealSecrets(ctx context.Context) error {
	if len(e.vault.keys) == 0 {
		return nil
	}
	for ctx.Err() == nil {
		err := e.resealAll(ctx)
		if err == nil {
			err = e.resealSessionKeys(ctx)
		}
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			e.log.Warn("the secrets could not be looked through; it will be tried again", "error", err)
		}
		select {
		case <-time.After(resealRetry):
		case <-ctx.Done():
		}
	}
	return nil
}

func (e *Engine) resealAll(ctx context.Context) error {
	request := ListRequest{Prefixes: []string{secretKey("")}, Limit: MaxListLimit}
	for {
		page, err := e.store.List(ctx, request)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			request.After = r.Key
			s, err := decodeSealed(r)
			if err == nil && bytes.Equal(s.KeyID, e.vault.keys[0].id) {
				continue
			}
			name := SecretName(lastSegment(r.Key))
			if err == nil {
				_, err = e.vault.open(name, s)
			}
			if err != nil {
				e.log.Error("this node cannot open a secret: modules that use it will reach no decision", "secret", name, "error", err)
				continue
			}
			if err := e.reseal(ctx, name); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
	}
}

// reseal encrypts one secret anew, unless it was changed or deleted meanwhile.
func (e *Engine) reseal(ctx context.Context, name SecretName) error {
	_, err := e.run(ctx, Caller{User: "engine"}, Strict, func(tx *Tx) error {
		r, err := tx.get(ctx, secretKey(name))
		if err != nil || !r.Exists() {
			return err
		}
		s, err := decodeSealed(r)
		if err != nil || bytes.Equal(s.KeyID, e.vault.keys[0].id) {
			return err
		}
		value, err := e.vault.open(name, s)
		if err != nil {
			return err
		}
		if err := e.vault.seal(&s, value); err != nil {
			return err
		}
		tx.audit("secret.reseal", "", string(name))
		return tx.save(secretKey(name), s)
	})
	return err
}

// resealSessionKeys encrypts the keys for tokens anew that sign, or will: of
// the others only the public part is ever used again.
func (e *Engine) resealSessionKeys(ctx context.Context) error {
	_, err := e.run(ctx, Caller{User: "engine"}, Strict, func(tx *Tx) error {
		ring, err := tx.ring(ctx)
		if err != nil {
			return err
		}
		for _, k := range ring.unspent(e.now()) {
			if bytes.Equal(k.VaultKey, e.vault.keys[0].id) {
				continue
			}
			value, err := e.vault.decrypt(k.vaultName(), k.VaultKey, k.Sealed)
			if err != nil {
				e.log.Error("this node cannot open a key for tokens, and opens no sessions while that key signs", "key", k.ID, "error", err)
				continue
			}
			if k.VaultKey, k.Sealed, err = e.vault.encrypt(k.vaultName(), value); err != nil {
				return err
			}
			tx.put(jwtKeyGuard, nil)
			tx.audit("session_key.reseal", "", k.ID)
			if err := tx.save(jwtKeyKey(k.ID), k); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
