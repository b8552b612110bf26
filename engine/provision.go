package engine

import (
	"bytes"
	"context"
)

// ProvisionRequest registers credentials. Without an ID the application's
// scheme gives one.
type ProvisionRequest struct {
	ID     CredentialsID
	Body   []byte
	Labels map[string]string
}

// Provisioned answers a ProvisionRequest. Created is false when the same
// credentials were there already.
type Provisioned struct {
	Credentials Credentials `cbor:"1,keyasint"`
	Created     bool        `cbor:"2,keyasint"`
}

// Provision registers credentials through the application's service. The same
// id and body again change nothing; another body under a known id is the
// service's to accept (Internal refuses it: CodeConflict); a revoked id stays
// revoked (CodeConflict). Once it has returned, every lookup finds them (I5).
func (e *Engine) Provision(ctx context.Context, caller Caller, app ApplicationID, r ProvisionRequest) (Provisioned, error) {
	if err := r.check(); err != nil {
		return Provisioned{}, err
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Provisioned, error) {
		likely := r.ID
		if likely == "" { // a wrong guess costs one read more
			likely = IDSchemeSHA256.ID(r.Body)
		}
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, likely)); err != nil {
			return Provisioned{}, err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return Provisioned{}, err
		}
		return e.provision(ctx, tx, a, r)
	})
	if rev != 0 && out.Credentials.Version == 0 {
		out.Credentials.Version = rev
	}
	return out, err
}

func (r ProvisionRequest) check() error {
	if r.ID == "" && len(r.Body) == 0 {
		return Errorf(CodeInvalid, "the body is empty: give the public key (or an id of your own)").InField("/body")
	}
	if r.ID != "" {
		if err := checkID("the credentials id", string(r.ID), "/id"); err != nil {
			return err
		}
	}
	if len(r.Body) > MaxBodyBytes {
		return Errorf(CodeTooLarge, "the body has %d bytes: at most %d are allowed", len(r.Body), MaxBodyBytes).InField("/body")
	}
	return checkLabels(r.Labels)
}

func (e *Engine) provision(ctx context.Context, tx *Tx, app *Application, r ProvisionRequest) (Provisioned, error) {
	id := r.ID
	if id == "" {
		id = app.IDScheme.ID(r.Body)
	}
	tx.app = app.ID
	old, err := tx.Credentials(ctx, id)
	if err != nil {
		return Provisioned{}, err
	}
	if old.Status == Revoked {
		return Provisioned{}, Errorf(CodeConflict, "these credentials were revoked, which is final: give the endpoint new ones")
	}
	lease, err := e.services.acquire(ctx, tx, app)
	if err != nil {
		return Provisioned{}, err
	}
	defer lease.release()
	answer, err := lease.Provide(ctx, tx, app, Credentials{ID: id, Body: r.Body, Status: Available})
	if err != nil {
		return Provisioned{}, err
	}
	if err := lease.checkProvided(answer, id, r.Body); err != nil {
		return Provisioned{}, err
	}
	if old.Service == app.Service && bytes.Equal(old.Body, r.Body) {
		return Provisioned{Credentials: old.with(answer)}, nil
	}
	c := old
	c.ID, c.Body, c.Service = id, r.Body, app.Service
	c.UpdatedAt = e.now()
	if old.ID == "" {
		c.Status, c.CreatedAt = Available, e.now()
	}
	if r.Labels != nil {
		c.Labels = r.Labels
	}
	tx.audit("credentials.provision", app.ID, string(id))
	return Provisioned{Credentials: c, Created: old.Service == ""}, tx.save(credKey(app.ID, id), c)
}

// checkProvided distrusts the answer to Provide.
func (l lease) checkProvided(answer Credentials, id CredentialsID, body []byte) error {
	if err := l.checkAnswer(answer, id); err != nil {
		return err
	}
	if !bytes.Equal(answer.Body, body) {
		return Errorf(CodeModuleFault, "the credentials service %s answered with another body than it was given", l.name)
	}
	if answer.Status == Revoked {
		return Errorf(CodeConflict, "the credentials service %s holds these credentials as revoked", l.name)
	}
	return nil
}
