package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Application is a set of endpoints that are judged by one credentials
// service.
type Application struct {
	ID     ApplicationID `cbor:"1,keyasint"`
	Tenant TenantID      `cbor:"2,keyasint"`
	// Token is how Kaa's clients name the application: 20 digits.
	Token   string      `cbor:"3,keyasint"`
	Name    string      `cbor:"4,keyasint"`
	Service ServiceName `cbor:"5,keyasint"`
	// ServiceConfig is laid over the service's own configuration (RFC 7396,
	// JSON merge patch) for this application.
	ServiceConfig json.RawMessage `cbor:"6,keyasint,omitempty"`
	IDScheme      IDScheme        `cbor:"7,keyasint"`
	CreatedAt     time.Time       `cbor:"8,keyasint"`
	UpdatedAt     time.Time       `cbor:"9,keyasint"`
	// ProofPolicy says who checks possession of the credentials.
	ProofPolicy ProofPolicy `cbor:"10,keyasint"`

	Version Revision `cbor:"-"`
}

// ApplicationSpec is what a caller says of a new application. Only Name is
// required.
type ApplicationSpec struct {
	Name          string
	Service       ServiceName
	ServiceConfig json.RawMessage
	IDScheme      IDScheme
	ProofPolicy   ProofPolicy // empty: ProofGateway
}

// ApplicationPatch changes what it names and keeps the rest. An application's
// id scheme cannot be changed: the ids of its credentials follow from it.
type ApplicationPatch struct {
	Name          *string
	Service       *ServiceName
	ServiceConfig *json.RawMessage
	ProofPolicy   *ProofPolicy // "": ProofGateway
}

// CreateApplication makes an application of the caller's tenant. Names are
// unique within a tenant (CodeConflict); an unknown service is refused
// (CodeInvalid).
func (e *Engine) CreateApplication(ctx context.Context, caller Caller, spec ApplicationSpec) (Application, error) {
	if spec.Service == "" {
		spec.Service = DefaultService
	}
	if spec.IDScheme == "" {
		spec.IDScheme = IDSchemeSHA256
	}
	if err := spec.IDScheme.check(); err != nil {
		return Application{}, err
	}
	if spec.ProofPolicy == "" {
		spec.ProofPolicy = ProofGateway
	}
	if err := spec.ProofPolicy.check(); err != nil {
		return Application{}, err
	}
	if err := checkAppName(spec.Name); err != nil {
		return Application{}, err
	}
	if err := checkConfigSize(spec.ServiceConfig); err != nil {
		return Application{}, err
	}
	token, err := newToken()
	if err != nil {
		return Application{}, err
	}
	app, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Application, error) {
		app := Application{
			ID: ApplicationID(uuid.NewString()), Tenant: caller.Tenant, Token: token,
			Name: spec.Name, Service: spec.Service, ServiceConfig: spec.ServiceConfig,
			IDScheme: spec.IDScheme, ProofPolicy: spec.ProofPolicy, CreatedAt: e.now(), UpdatedAt: e.now(),
		}
		if err := e.checkService(ctx, tx, &app); err != nil {
			return app, err
		}
		if err := tx.takeName(ctx, &app); err != nil {
			return app, err
		}
		tx.put(tokenKey(token), []byte(string(app.Tenant)+"/"+string(app.ID)))
		tx.useService(app.Service, app.ID)
		tx.audit("application.create", app.ID, app.Name)
		return app, tx.save(appKey(app.Tenant, app.ID), app)
	})
	app.Version = rev
	return app, err
}

// Application returns one application of the caller's tenant.
func (e *Engine) Application(ctx context.Context, caller Caller, id ApplicationID) (Application, error) {
	var app *Application
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) (err error) {
		app, err = tx.application(ctx, id)
		return err
	})
	if err != nil {
		return Application{}, err
	}
	return *app, nil
}

// Applications lists the applications of the caller's tenant by id. The filter
// "name" keeps those of exactly that name, "credentialsService" those of a
// service.
func (e *Engine) Applications(ctx context.Context, caller Caller, o ListOptions) (List[Application], error) {
	keep, err := filterBy(o, map[string]func(*Application, string) bool{
		"name":               func(a *Application, v string) bool { return a.Name == v },
		"credentialsService": func(a *Application, v string) bool { return string(a.Service) == v },
	})
	if err != nil {
		return List[Application]{}, err
	}
	return listRecords(ctx, e, o, []string{appPrefix(caller.Tenant)}, decodeApplication, keep)
}

// UpdateApplication applies a patch. ifMatch, when not 0, must be the
// application's present version (CodeStale).
func (e *Engine) UpdateApplication(ctx context.Context, caller Caller, id ApplicationID, patch ApplicationPatch, ifMatch Revision) (Application, error) {
	app, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Application, error) {
		old, err := tx.application(ctx, id)
		if err != nil {
			return Application{}, err
		}
		if err := checkMatch(ifMatch, old.Version); err != nil {
			return Application{}, err
		}
		app := *old
		patch.apply(&app)
		app.UpdatedAt = e.now()
		if err := checkAppName(app.Name); err != nil {
			return app, err
		}
		if err := checkConfigSize(app.ServiceConfig); err != nil {
			return app, err
		}
		if err := app.ProofPolicy.check(); err != nil {
			return app, err
		}
		if err := e.checkService(ctx, tx, &app); err != nil {
			return app, err
		}
		if app.Name != old.Name {
			if err := tx.takeName(ctx, &app); err != nil {
				return app, err
			}
			tx.delete(appNameKey(old.Tenant, old.Name))
		}
		if app.Service != old.Service {
			tx.leaveService(old.Service, id)
			tx.useService(app.Service, id)
		}
		tx.audit("application.update", id, app.Name)
		return app, tx.save(appKey(app.Tenant, id), app)
	})
	app.Version = rev
	return app, err
}

func (p ApplicationPatch) apply(app *Application) {
	if p.Name != nil {
		app.Name = *p.Name
	}
	if p.Service != nil {
		if app.Service = *p.Service; app.Service == "" {
			app.Service = DefaultService
		}
	}
	if p.ServiceConfig != nil {
		app.ServiceConfig = *p.ServiceConfig
	}
	if p.ProofPolicy != nil {
		if app.ProofPolicy = *p.ProofPolicy; app.ProofPolicy == "" {
			app.ProofPolicy = ProofGateway
		}
	}
}

// DeleteApplication removes an application. It is gone when the call returns;
// its credentials, registrations and sessions are removed in the background.
func (e *Engine) DeleteApplication(ctx context.Context, caller Caller, id ApplicationID, ifMatch Revision) error {
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		app, err := tx.application(ctx, id)
		if err != nil {
			return err
		}
		if err := checkMatch(ifMatch, app.Version); err != nil {
			return err
		}
		tx.delete(appKey(app.Tenant, id))
		tx.delete(appNameKey(app.Tenant, app.Name))
		tx.delete(tokenKey(app.Token))
		tx.leaveService(app.Service, id)
		tx.put(purgeKey(id), nil)
		tx.deny(id)
		tx.audit("application.delete", id, app.Name)
		return nil
	})
	return err
}

// application loads an application of the caller's tenant. Whatever else is
// read or written of an application comes after it (I8).
func (tx *Tx) application(ctx context.Context, id ApplicationID) (*Application, error) {
	r, err := tx.get(ctx, appKey(tx.caller.Tenant, id))
	if err != nil {
		return nil, err
	}
	if !r.Exists() {
		return nil, Errorf(CodeNotFound, "there is no application %.80q: see GET /v1/applications for those that exist", string(id))
	}
	app, err := decodeApplication(r)
	return &app, err
}

func decodeApplication(r Record) (Application, error) {
	v, err := decodedApplications.of(r)
	v.Version = r.Version
	v.ProofPolicy = cmp.Or(v.ProofPolicy, ProofGateway) // records of before there were policies
	return v, err
}

// takeName claims the application's name in its tenant.
func (tx *Tx) takeName(ctx context.Context, app *Application) error {
	r, err := tx.get(ctx, appNameKey(app.Tenant, app.Name))
	if err != nil {
		return err
	}
	if r.Exists() {
		return Errorf(CodeConflict, "an application named %q exists already: choose another name", app.Name).InField("/name")
	}
	tx.put(appNameKey(app.Tenant, app.Name), []byte(app.ID))
	return nil
}

// useService records that an application uses a service, so that the service
// is not deleted under it.
func (tx *Tx) useService(name ServiceName, id ApplicationID) {
	tx.put(serviceUseKey(name, id), nil)
	tx.put(useGuardKey(name), nil)
}

func (tx *Tx) leaveService(name ServiceName, id ApplicationID) {
	tx.delete(serviceUseKey(name, id))
}

func checkAppName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return Errorf(CodeInvalid, "an application needs a name").InField("/name")
	case len(name) > maxNameBytes:
		return Errorf(CodeInvalid, "the name has %d bytes: at most %d are allowed", len(name), maxNameBytes).InField("/name")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return Errorf(CodeInvalid, "the name holds control characters").InField("/name")
	}
	return nil
}

func checkConfigSize(config json.RawMessage) error {
	if len(config) > MaxBodyBytes {
		return Errorf(CodeTooLarge, "serviceConfig has %d bytes: at most %d are allowed", len(config), MaxBodyBytes).InField("/serviceConfig")
	}
	return nil
}

func checkMatch(want, have Revision) error {
	if want != 0 && want != have {
		return Errorf(CodeStale, "the resource was changed meanwhile: its version is %d, If-Match named %d. Read it again", have, want)
	}
	return nil
}
