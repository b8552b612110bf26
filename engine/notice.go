package engine

import (
	"context"
	"strings"
	"time"
)

// noticeEvery is how often waiting notices are tried again; noticeTimeout
// bounds one try.
const (
	noticeEvery   = 5 * time.Second
	noticeTimeout = 5 * time.Second
	noticePage    = 64
)

// deliverNotices tells custom services of revocations: at once those made on
// this node, and on a timer those that failed or that another node left.
func (e *Engine) deliverNotices(ctx context.Context) error {
	timer := time.NewTicker(noticeEvery)
	defer timer.Stop()
	after := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case key := <-e.notices:
			e.deliver(ctx, key)
		case <-timer.C:
			after = e.deliverPage(ctx, after)
		}
	}
}

// deliverPage tries one page of waiting notices, and returns where the next
// begins.
func (e *Engine) deliverPage(ctx context.Context, after string) string {
	page, err := e.store.List(ctx, ListRequest{Prefixes: []string{noticePrefix}, After: after, Limit: noticePage})
	if err != nil {
		return after
	}
	for _, r := range page.Records {
		e.deliver(ctx, r.Key)
		after = r.Key
	}
	if !page.More {
		return ""
	}
	return after
}

// deliver tells the service of one revocation and removes the notice, in one
// unit of work. A service that does not take such news has been told.
func (e *Engine) deliver(ctx context.Context, key string) {
	app, id, _ := strings.Cut(strings.TrimPrefix(key, noticePrefix), "/")
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	_, err := e.run(ctx, Caller{User: "engine"}, Strict, func(tx *Tx) error {
		r, err := tx.get(ctx, key)
		if err != nil || !r.Exists() {
			return err
		}
		tx.caller.Tenant = TenantID(r.Value)
		a, err := tx.application(ctx, ApplicationID(app))
		if err != nil {
			return err
		}
		lease, err := e.services.acquire(ctx, tx, a)
		if err != nil {
			return err
		}
		defer lease.release()
		err = lease.MarkRevoked(ctx, tx, a, CredentialsID(id))
		if code := CodeOf(err); err != nil && code != CodeUnsupported && code != CodeNotFound {
			return err
		}
		tx.delete(key)
		tx.audit("service.told", a.ID, id)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		e.log.Warn("a credentials service could not be told of a revocation; it will be tried again",
			"application", app, "credentials", id, "error", err)
	}
}
