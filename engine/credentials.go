package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Status is where credentials are in their life: AVAILABLE, then IN_USE, then
// REVOKED, or from AVAILABLE to REVOKED at once. REVOKED is final (I2).
type Status string

// The statuses.
const (
	Available Status = "AVAILABLE"
	InUse     Status = "IN_USE"
	Revoked   Status = "REVOKED"
)

// Known tells whether s is one of the statuses.
func (s Status) Known() bool { return s == Available || s == InUse || s == Revoked }

// orLater returns the status that is further along: nothing goes back (I2).
func (s Status) orLater(t Status) Status {
	order := []Status{Available, InUse, Revoked}
	if slices.Index(order, t) > slices.Index(order, s) {
		return t
	}
	return s
}

// Credentials are what an endpoint connects with, as the engine records them:
// usually a public key, in X.509 SubjectPublicKeyInfo form, under the id that
// the application's scheme gives it.
type Credentials struct {
	ID     CredentialsID `cbor:"1,keyasint"`
	Body   []byte        `cbor:"2,keyasint,omitempty"`
	Status Status        `cbor:"3,keyasint"`
	// Service is the one through which the credentials were provisioned; empty
	// when the engine knows them by a claim or a revocation only.
	Service ServiceName `cbor:"4,keyasint,omitempty"`
	// ClaimedBy is the endpoint that these credentials belong to since its
	// first successful verification. It never changes (I3).
	ClaimedBy EndpointID        `cbor:"5,keyasint,omitempty"`
	NotBefore time.Time         `cbor:"6,keyasint,omitzero"` // zero: no bound
	NotAfter  time.Time         `cbor:"7,keyasint,omitzero"` // zero: no bound
	Labels    map[string]string `cbor:"8,keyasint,omitempty"`
	CreatedAt time.Time         `cbor:"9,keyasint,omitzero"`
	UpdatedAt time.Time         `cbor:"10,keyasint,omitzero"`
	// RevokedAt is the revision of the revocation where the record was changed
	// since; else it is Version.
	RevokedAt Revision `cbor:"11,keyasint,omitempty"`

	Version Revision `cbor:"-"`
}

// Limits of labels.
const (
	maxLabels          = 32
	maxLabelKeyBytes   = 64
	maxLabelValueBytes = 256
)

// CredentialsPatch changes what it names. A label with a nil value is removed;
// a zero time lifts a bound.
type CredentialsPatch struct {
	Labels    map[string]*string
	NotBefore *time.Time
	NotAfter  *time.Time
}

// revokedAt is the revision from which on the credentials are refused.
func (c Credentials) revokedAt() Revision { return cmp.Or(c.RevokedAt, c.Version) }

// validAt tells whether the engine's bounds let the credentials be used.
func (c Credentials) validAt(now time.Time) bool {
	return !now.Before(c.NotBefore) && (c.NotAfter.IsZero() || now.Before(c.NotAfter))
}

func decodeCredentials(r Record) (Credentials, error) {
	v, err := decodedCredentials.of(r)
	v.Version = r.Version
	return v, err
}

// Credentials returns the engine's record of credentials, with the zero value
// and no error when there is none. It is for services that keep no state of
// their own.
func (tx *Tx) Credentials(ctx context.Context, id CredentialsID) (Credentials, error) {
	r, err := tx.get(ctx, credKey(tx.app, id))
	if err != nil || !r.Exists() {
		return Credentials{}, err
	}
	return decodeCredentials(r)
}

// Credentials returns credentials with the status that holds now: the
// engine's own revocation, or else what the application's service says.
func (e *Engine) Credentials(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID) (Credentials, error) {
	if err := id.check(); err != nil {
		return Credentials{}, err
	}
	var c Credentials
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, id)); err != nil {
			return err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return err
		}
		c, err = e.lookup(ctx, tx, a, id)
		return err
	})
	return c, err
}

// lookup merges the engine's record with the service's answer.
func (e *Engine) lookup(ctx context.Context, tx *Tx, app *Application, id CredentialsID) (Credentials, error) {
	tx.app = app.ID
	record, err := tx.Credentials(ctx, id)
	if err != nil || record.Status == Revoked {
		return record, err
	}
	lease, err := e.services.acquire(ctx, tx, app)
	if err != nil {
		return Credentials{}, err
	}
	defer lease.release()
	answer, err := lease.lookup(ctx, tx, app, id)
	if err != nil {
		return Credentials{}, err
	}
	return record.with(answer), nil
}

// with lays a service's answer over the engine's record.
func (c Credentials) with(answer Credentials) Credentials {
	c.ID, c.Status = answer.ID, c.Status.orLater(answer.Status)
	if c.Body == nil {
		c.Body = answer.Body
	}
	if c.NotAfter.IsZero() || !answer.NotAfter.IsZero() && answer.NotAfter.Before(c.NotAfter) {
		c.NotAfter = answer.NotAfter
	}
	if c.NotBefore.IsZero() || answer.NotBefore.After(c.NotBefore) {
		c.NotBefore = answer.NotBefore
	}
	return c
}

// lookup asks the service and checks its answer.
func (l lease) lookup(ctx context.Context, tx *Tx, app *Application, id CredentialsID) (Credentials, error) {
	answer, err := l.Lookup(ctx, tx, app, id)
	if err != nil {
		return Credentials{}, err
	}
	return answer, l.checkAnswer(answer, id)
}

// checkAnswer distrusts what a service says.
func (l lease) checkAnswer(answer Credentials, id CredentialsID) error {
	switch {
	case answer.ID != id:
		return Errorf(CodeModuleFault, "the credentials service %s answered for another id than the one asked for", l.name)
	case !answer.Status.Known():
		return Errorf(CodeModuleFault, "the credentials service %s answered with an unknown status", l.name)
	case len(answer.Body) > MaxBodyBytes:
		return Errorf(CodeModuleFault, "the credentials service %s answered with a body over %d bytes", l.name, MaxBodyBytes)
	}
	return nil
}

// CredentialsOf lists the credentials that the engine has a record of, those
// of a custom service that it has not seen yet excluded. The filter "status"
// keeps a status; "label" keeps a label, as "key" or "key=value".
func (e *Engine) CredentialsOf(ctx context.Context, caller Caller, app ApplicationID, o ListOptions) (List[Credentials], error) {
	keep, err := filterBy(o, map[string]func(*Credentials, string) bool{
		"status": func(c *Credentials, v string) bool { return string(c.Status) == v },
		"label": func(c *Credentials, v string) bool {
			key, want, exact := strings.Cut(v, "=")
			have, ok := c.Labels[key]
			return ok && (!exact || have == want)
		},
	})
	if err != nil {
		return List[Credentials]{}, err
	}
	for _, f := range o.Filters {
		if f.Field == "status" && !Status(f.Value).Known() {
			return List[Credentials]{}, Errorf(CodeInvalid, "status %.20q is unknown: use AVAILABLE, IN_USE or REVOKED", f.Value).InField("filter")
		}
	}
	if _, err := e.Application(ctx, caller, app); err != nil {
		return List[Credentials]{}, err
	}
	return listRecords(ctx, e, o, shardPrefixes("cred", app), decodeCredentials, keep)
}

// UpdateCredentials changes labels and validity. ifMatch, when not 0, must be
// the present version.
func (e *Engine) UpdateCredentials(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID, patch CredentialsPatch, ifMatch Revision) (Credentials, error) {
	if err := id.check(); err != nil {
		return Credentials{}, err
	}
	c, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Credentials, error) {
		a, err := tx.application(ctx, app)
		if err != nil {
			return Credentials{}, err
		}
		c, err := e.lookup(ctx, tx, a, id)
		if err != nil {
			return c, err
		}
		if err := checkMatch(ifMatch, c.Version); err != nil {
			return c, err
		}
		record, err := tx.Credentials(ctx, id)
		if err != nil {
			return c, err
		}
		if record.ID == "" { // known to the service only, until now
			record = Credentials{ID: id, Status: c.Status, CreatedAt: e.now()}
		}
		if record.Status == Revoked && record.RevokedAt == 0 {
			if record.RevokedAt = record.Version; record.Version == 0 { // the service said so, and now the engine does
				tx.deny(app)
			}
		}
		if err := patch.apply(&record); err != nil {
			return c, err
		}
		record.UpdatedAt = e.now()
		entry := tx.audit("credentials.update", app, string(id))
		if !record.validAt(record.UpdatedAt) {
			entry.Cause = CauseNotValid
			tx.deny(app)
		}
		return record, tx.save(credKey(app, id), record)
	})
	c.Version = rev
	return c, err
}

func (p CredentialsPatch) apply(c *Credentials) error {
	labels := maps.Clone(c.Labels)
	if labels == nil {
		labels = make(map[string]string, len(p.Labels))
	}
	for key, value := range p.Labels {
		if value == nil {
			delete(labels, key)
		} else {
			labels[key] = *value
		}
	}
	c.Labels = labels
	if p.NotBefore != nil {
		c.NotBefore = p.NotBefore.UTC().Truncate(time.Millisecond)
	}
	if p.NotAfter != nil {
		c.NotAfter = p.NotAfter.UTC().Truncate(time.Millisecond)
	}
	if !c.NotAfter.IsZero() && !c.NotAfter.After(c.NotBefore) {
		return Errorf(CodeInvalid, "validity ends before it begins").InField("/validity/notAfter")
	}
	return checkLabels(labels)
}

func checkLabels(labels map[string]string) error {
	if len(labels) > maxLabels {
		return Errorf(CodeInvalid, "there are %d labels: at most %d are allowed", len(labels), maxLabels).InField("/labels")
	}
	for key, value := range labels {
		switch {
		case key == "" || len(key) > maxLabelKeyBytes || strings.ContainsAny(key, "=\x00"):
			return Errorf(CodeInvalid, "label %.80q: a key has 1 to %d bytes without '='", key, maxLabelKeyBytes).InField("/labels")
		case len(value) > maxLabelValueBytes:
			return Errorf(CodeInvalid, "label %q has a value over %d bytes", key, maxLabelValueBytes).InField("/labels/" + key)
		case !utf8.ValidString(key + value):
			return Errorf(CodeInvalid, "label %.80q is not valid UTF-8", key).InField("/labels")
		}
	}
	return nil
}
