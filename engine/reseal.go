package engine

import (
	"bytes"
	"context"
	"time"
)

// resealRetry is the pause after the secrets could not be looked through.
const resealRetry = 5 * time.Second

// resealSecrets looks through the secrets once, when a node starts: what was
// encrypted with another key than the first is encrypted anew, so that the
// other one can be taken away. A secret that this node cannot open is named in
// the log, before a module asks for it.
func (e *Engine) resealSecrets(ctx context.Context) error {
	if len(e.vault.keys) == 0 {
		return nil
	}
	for ctx.Err() == nil {
		err := e.resealAll(ctx)
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
