package builtin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var admin = engine.Caller{Tenant: engine.DefaultTenant, User: "admin"}

func newEngine(t *testing.T) *engine.Engine {
	t.Helper()
	e := engine.New(engine.Options{Store: enginetest.NewMemoryStore(), Builtins: builtin.Services()})
	t.Cleanup(e.Close)
	return e
}

func newApplication(t *testing.T, e *engine.Engine, service engine.ServiceName) engine.ApplicationID {
	t.Helper()
	app, err := e.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "app", Service: service})
	require.NoError(t, err)
	return app.ID
}

func TestTheServicesKeepTheContract(t *testing.T) {
	for name := range builtin.Services() {
		t.Run(string(name), func(t *testing.T) {
			enginetest.ServiceSuite(t, func(t *testing.T) enginetest.ServiceFixture {
				t.Helper()
				return enginetest.ServiceFixture{Engine: newEngine(t), Service: name, Trusting: name == engine.Trustful}
			})
		})
	}
}

func TestEveryDeploymentHasTrustfulAndInternal(t *testing.T) {
	services := builtin.Services()
	require.Len(t, services, 2)
	require.Contains(t, services, engine.Trustful)
	require.Contains(t, services, engine.Internal)
}

func TestTrustfulLetsAnyEndpointInExceptTheRevoked(t *testing.T) {
	e := newEngine(t)
	app := newApplication(t, e, engine.Trustful)
	request := engine.VerifyRequest{CredentialsID: "never provisioned", EndpointID: "endpoint"}
	v, err := e.Verify(t.Context(), admin, app, request)
	require.NoError(t, err)
	require.True(t, v.Accepted)
	_, err = e.Revoke(t.Context(), admin, app, request.CredentialsID)
	require.NoError(t, err)
	v, err = e.Verify(t.Context(), admin, app, request)
	require.NoError(t, err)
	require.Equal(t, engine.ReasonRevoked, v.Reason)
}

func TestInternalRefusesOtherCredentialsUnderAKnownID(t *testing.T) {
	e := newEngine(t)
	app := newApplication(t, e, engine.Internal)
	_, err := e.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: "id", Body: []byte("first")})
	require.NoError(t, err)
	_, err = e.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: "id", Body: []byte("second")})
	require.Equal(t, engine.CodeConflict, engine.CodeOf(err), "%v", err)
}

// An endpoint that came in while the application was trustful has a record,
// and yet nobody provisioned it.
func TestInternalDoesNotKnowWhomOnlyTrustfulLetIn(t *testing.T) {
	e := newEngine(t)
	app := newApplication(t, e, engine.Trustful)
	_, err := e.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "guest"})
	require.NoError(t, err)
	_, err = e.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: "member", Body: []byte("key")})
	require.NoError(t, err)
	internal := engine.Internal
	_, err = e.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{Service: &internal}, 0)
	require.NoError(t, err)
	for id, accepted := range map[engine.CredentialsID]bool{"guest": false, "member": true} {
		v, err := e.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id})
		require.NoError(t, err)
		require.Equal(t, accepted, v.Accepted, id)
	}
}
