package rest

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/credence-engine/credence/engine"
)

// bodyKind is what a route takes as its body.
type bodyKind int

const (
	noBody    bodyKind = iota
	jsonBody           // application/json
	patchBody          // application/json or application/merge-patch+json
	wasmBody           // application/wasm
	linesBody          // application/x-ndjson
)

// route is one line of the table.
type route struct {
	method string
	path   string        // with {names} for segments that vary
	roles  []engine.Role // one of them is needed; none: anybody may, without a login
	query  []string      // parameters that it knows
	body   bodyKind
	match  bool // obeys If-Match
	slow   bool // may compile a module
	always bool // is answered however many others are in flight
	answer func(context.Context, *request) (reply, error)
}

// reply is what a handler answers with.
type reply struct {
	status   int             // 0 is 200
	body     any             // written as JSON; nil is none
	text     []byte          // written as it is, in the place of body
	media    string          // content type of text; empty: plain text
	version  engine.Revision // becomes the ETag unless 0
	cache    string          // Cache-Control; empty: no-store
	location string
	next     string // target of Link: rel="next"
	// consistency of an answer about credentials; becomes X-Consistency.
	consistency string
	// stream takes the place of body where the answer has no end.
	stream io.ReadCloser
}

// routes is the table.
func (s *Server) routes() []route {
	platform := []engine.Role{engine.RoleAdmin}
	tenant := []engine.Role{engine.RoleTenantAdmin}
	either := []engine.Role{engine.RoleAdmin, engine.RoleTenantAdmin}
	paged := func(filters ...string) []string { return append(filters, "filter", "pageSize", "pageToken") }
	const (
		apps = "/v1/applications"
		app  = apps + "/{app}"
		cred = app + "/credentials/{id}"
		reg  = cred + "/registration"
		sess = app + "/sessions"
		svcs = "/v1/credentials-services"
		svc  = svcs + "/{name}"
		mods = modulesPath
		mod  = mods + "/{digest}"
		secs = "/v1/secrets"
		sec  = secs + "/{name}"
	)
	return []route{
		{method: "GET", path: "/livez", always: true, answer: s.live},
		{method: "GET", path: "/readyz", always: true, answer: s.ready},
		{method: "GET", path: "/version", always: true, answer: s.version},
		{method: "GET", path: "/metrics", always: true, answer: s.scrape},
		{method: "GET", path: "/.well-known/jwks.json", answer: s.keySet},

		{method: "POST", path: apps, roles: tenant, body: jsonBody, slow: true, answer: s.createApplication},
		{method: "GET", path: apps, roles: tenant, query: paged("name", "credentialsService"), answer: s.listApplications},
		{method: "GET", path: app, roles: tenant, answer: s.getApplication},
		{method: "PATCH", path: app, roles: tenant, body: patchBody, match: true, slow: true, answer: s.patchApplication},
		{method: "DELETE", path: app, roles: tenant, match: true, answer: s.deleteApplication},

		{method: "POST", path: app + "/credentials", roles: tenant, body: jsonBody, answer: s.provision},
		{method: "GET", path: app + "/credentials", roles: tenant, query: paged("status", "label"), answer: s.listCredentials},
		{method: "POST", path: app + importPath, roles: tenant, body: linesBody, slow: true, answer: s.importCredentials},
		{method: "GET", path: cred, roles: tenant, answer: s.getCredentials},
		{method: "PATCH", path: cred, roles: tenant, body: patchBody, match: true, answer: s.patchCredentials},
		{method: "POST", path: cred + "/revoke", roles: tenant, body: jsonBody, query: []string{"wait"}, always: true, answer: s.revoke},
		{method: "GET", path: cred + "/enforcement", roles: tenant, query: []string{"wait"}, always: true, answer: s.enforcement},
		{method: "GET", path: app + "/enforcements/{revision}", roles: tenant, query: []string{"wait"}, always: true, answer: s.enforcementAt},
		{method: "POST", path: cred + "/recheck", roles: tenant, body: jsonBody, answer: s.recheck},
		{method: "PUT", path: reg, roles: tenant, body: jsonBody, match: true, answer: s.putRegistration},
		{method: "GET", path: reg, roles: tenant, answer: s.getRegistration},
		{method: "DELETE", path: reg, roles: tenant, match: true, answer: s.deleteRegistration},
		{method: "POST", path: app + "/verify", roles: tenant, body: jsonBody, answer: s.verify},

		{method: "POST", path: sess + "/introspect", roles: tenant, body: jsonBody, answer: s.introspect},
		{method: "GET", path: sess, roles: tenant, query: paged("credentialsId", "endpointId"), answer: s.listSessions},
		{method: "GET", path: sess + "/{id}", roles: tenant, answer: s.getSession},
		{method: "DELETE", path: sess + "/{id}", roles: tenant, query: []string{"wait"}, always: true, answer: s.endSession},
		{method: "DELETE", path: app + "/endpoints/{endpoint}/sessions", roles: tenant, query: []string{"wait"}, always: true, answer: s.endSessions},

		{method: "GET", path: svcs, roles: either, answer: s.listServices},
		{method: "GET", path: svc, roles: either, answer: s.getService},
		{method: "PUT", path: svc, roles: platform, body: jsonBody, query: []string{"validateOnly", "force"}, match: true, slow: true, answer: s.deployService},
		{method: "DELETE", path: svc, roles: platform, match: true, answer: s.deleteService},
		{method: "GET", path: svc + "/revisions", roles: platform, answer: s.listRevisions},
		{method: "POST", path: svc + "/rollback", roles: platform, body: jsonBody, query: []string{"force"}, slow: true, answer: s.rollbackService},

		{method: "POST", path: mods, roles: platform, body: wasmBody, slow: true, answer: s.uploadModule},
		{method: "GET", path: mods, roles: platform, query: paged("name"), answer: s.listModules},
		{method: "GET", path: mod, roles: platform, answer: s.getModule},
		{method: "DELETE", path: mod, roles: platform, match: true, answer: s.deleteModule},
		{method: "PUT", path: mod + "/signatures/{key}", roles: platform, body: jsonBody, answer: s.putSignature},
		{method: "DELETE", path: mod + "/signatures/{key}", roles: platform, answer: s.deleteSignature},

		{method: "GET", path: secs, roles: platform, query: paged("name"), answer: s.listSecrets},
		{method: "PUT", path: sec, roles: platform, body: jsonBody, match: true, answer: s.putSecret},
		{method: "GET", path: sec, roles: platform, answer: s.getSecret},
		{method: "DELETE", path: sec, roles: platform, match: true, answer: s.deleteSecret},
		{method: "GET", path: "/v1/events", roles: either, query: []string{"application", "types"}, answer: s.streamEvents},
		{method: "GET", path: "/v1/audit", roles: either, query: append(paged("application", "action", "user"), "since"), answer: s.listAudit},
		{method: "GET", path: "/v1/nodes", roles: platform, query: []string{"pageSize", "pageToken"}, answer: s.listNodes},
		{method: "GET", path: "/v1/nodes/{id}", roles: platform, answer: s.getNode},
		{method: "GET", path: "/v1/generation", roles: platform, answer: s.getGeneration},
		{method: "POST", path: "/v1/generation/acknowledge", roles: platform, body: jsonBody, answer: s.acknowledgeGeneration},
	}
}

// pattern is the route's path as fiber writes it.
func (r route) pattern() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(r.path)
}

// errCrowded is for the requests above the limit: a refusal at once is better
// than an answer that comes too late, and what takes rights away gets through.
// It is not worth a line in the log each.
var errCrowded = refusef(http.StatusServiceUnavailable, engine.CodeUnavailable, "this node has as many requests in flight as it takes: try again, or ask another one")

// mount puts a route into the router. Requests end with inflight.
func (s *Server) mount(inflight context.Context, app *fiber.App, r route) {
	allowed := s.options.RequestTimeout
	if r.slow {
		allowed = s.options.DeployTimeout
	}
	handler := func(c *fiber.Ctx) error {
		exchangeOf(c.Context()).route = r.path
		if !r.always {
			defer s.inFlight.Add(-1)
			if s.inFlight.Add(1) > int64(s.options.MaxInFlight) {
				return errCrowded
			}
		}
		ctx, cancel := context.WithTimeout(inflight, allowed)
		defer cancel()
		return s.handle(ctx, c, r)
	}
	app.Add(r.method, r.pattern(), handler)
	if r.method == http.MethodGet {
		app.Add(http.MethodHead, r.pattern(), handler)
	}
}

// handle does what all routes have in common, and in this order: who asks is
// settled before anything that was sent is looked at.
func (s *Server) handle(ctx context.Context, c *fiber.Ctx, r route) error {
	q := &request{fiber: c, caller: engine.Caller{RequestID: exchangeOf(c.Context()).id}}
	if r.method != http.MethodGet {
		if err := checkOrigin(c); err != nil {
			return err
		}
	}
	if len(r.roles) > 0 {
		user, err := s.logins.user(ctx, c.Get(fiber.HeaderAuthorization), c.IP())
		if err != nil {
			return err
		}
		exchangeOf(c.Context()).user = user.Name
		if !user.Has(r.roles...) {
			return engine.Errorf(engine.CodeDenied, "the user %s may not do this: it takes the role %s", user.Name, r.roles[0])
		}
		q.user, q.caller.Tenant, q.caller.User = user, user.Tenant, user.Name
	}
	if err := q.check(r); err != nil {
		return err
	}
	answer, err := r.answer(ctx, q)
	if err != nil {
		return err
	}
	return answer.write(c)
}
