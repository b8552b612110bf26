package engine

import (
	"context"
	"errors"
	"slices"
)

// MaxImport is how many credentials one call of Import takes.
const MaxImport = 10_000

// One transaction takes up to importBatch of them, and importBytes of bodies
// and labels: half of what a commit may hold, so that a service's own state has
// room. What is still too large is halved.
const (
	importBatch = 50
	importBytes = MaxCommitBytes / 2
)

// Imported says how one of the credentials of an import fared.
type Imported struct {
	ID       CredentialsID // as given, or as the application's scheme makes it
	Created  bool          // false also when they were there already
	Revision Revision      // at which they are sure to be there; 0: see Err
	Err      error         // why they are not
}

// Import registers many credentials, in transactions of some tens. It does for
// each what Provision does, so importing again changes nothing, and goes on
// after those that are refused. Results are in the order of the requests. An
// error is for all: the requests too many, the application unknown, or the
// time over, in which case those after the ones done name it in their Err too.
//
// One audit entry stands for a transaction and names its credentials.
func (e *Engine) Import(ctx context.Context, caller Caller, app ApplicationID, requests []ProvisionRequest) ([]Imported, error) {
	if len(requests) > MaxImport {
		return nil, Errorf(CodeTooLarge, "%d credentials are too many for one import: send at most %d at a time", len(requests), MaxImport)
	}
	caller.Idempotency = nil // repeating it is harmless by itself
	a, err := e.Application(ctx, caller, app)
	if err != nil {
		return nil, err
	}
	results := make([]Imported, len(requests))
	var batch []int // of the requests
	size := 0
	for i, r := range requests {
		results[i].ID = r.ID
		if results[i].ID == "" && len(r.Body) > 0 {
			results[i].ID = a.IDScheme.ID(r.Body)
		}
		if results[i].Err = r.check(); results[i].Err != nil {
			continue
		}
		if len(batch) == importBatch || len(batch) > 0 && size+r.size() > importBytes {
			e.importBatch(ctx, caller, app, requests, results, batch)
			batch, size = batch[:0], 0
		}
		batch, size = append(batch, i), size+r.size()
	}
	e.importBatch(ctx, caller, app, requests, results, batch)
	return results, nil
}

func (r ProvisionRequest) size() int {
	n := len(r.ID) + len(r.Body)
	for key, value := range r.Labels {
		n += len(key) + len(value)
	}
	return n
}

// importBatch registers the chosen requests in one transaction, or in several
// where that would pass a limit of the store.
func (e *Engine) importBatch(ctx context.Context, caller Caller, app ApplicationID, requests []ProvisionRequest, results []Imported, batch []int) {
	if len(batch) == 0 {
		return
	}
	rev, err := e.run(ctx, caller, Guess, func(tx *Tx) error {
		return e.importAll(ctx, tx, app, requests, results, batch)
	})
	if tooLarge := CodeOf(err) == CodeInvalid || errors.Is(err, ErrStateQuota); tooLarge && len(batch) > 1 {
		half := len(batch) / 2
		e.importBatch(ctx, caller, app, requests, results, batch[:half])
		e.importBatch(ctx, caller, app, requests, results, batch[half:])
		return
	}
	for _, i := range batch {
		switch {
		case err != nil:
			results[i].Err, results[i].Created = err, false
		case results[i].Err == nil:
			results[i].Revision = rev
		}
	}
}

// importAll is one unit of work. What the service refuses is left out of it;
// what could not be decided ends it.
func (e *Engine) importAll(ctx context.Context, tx *Tx, app ApplicationID, requests []ProvisionRequest, results []Imported, batch []int) error {
	keys := []string{appKey(tx.caller.Tenant, app)}
	for _, i := range batch {
		keys = append(keys, credKey(app, results[i].ID))
	}
	if err := tx.load(ctx, keys...); err != nil {
		return err
	}
	a, err := tx.application(ctx, app)
	if err != nil {
		return err
	}
	var written []string
	for _, i := range batch {
		before := slices.Clone(tx.writes)
		results[i].Err, results[i].Created = nil, false // of an earlier try
		done, err := e.provision(ctx, tx, a, requests[i])
		switch CodeOf(err) {
		case CodeConflict, CodeDenied, CodeUnsupported, CodeModuleFault, CodeModuleError:
			if tx.first.Mode == ModeGuess { // to be looked at again
				return ErrConflict
			}
			tx.writes, results[i].Err = before, err
			continue
		}
		if err != nil {
			return err
		}
		results[i].Created = done.Created
		if len(tx.writes) > len(before) {
			written = append(written, string(results[i].ID))
		}
	}
	if len(written) > 0 {
		tx.audit("credentials.import", app, "").Targets = written
	}
	return nil
}
