package enginetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// ServiceFixture is a fresh engine with the service under test.
type ServiceFixture struct {
	Engine  *engine.Engine
	Service engine.ServiceName
	// Trusting says that the service finds credentials under every id, as
	// Trustful does.
	Trusting bool
	// Proof makes a proof that holds for credentials of this body, and for no
	// others. Nil says that the service judges no proofs.
	Proof func(body string) engine.Proof
}

// ServiceSuite checks what every credentials service owes to the engine,
// native or module, through the engine's use cases. Each case opens its own
// fixture, which the test's cleanup ends.
func ServiceSuite(t *testing.T, open func(t *testing.T) ServiceFixture) {
	t.Helper()
	cases := map[string]func(*serviceCase){
		"what was provided is found":                    providedIsFound,
		"providing again changes nothing":               providingAgainChangesNothing,
		"another body is refused or replaces the first": anotherBodyIsRefusedOrReplaces,
		"an unknown id is not found":                    unknownIsNotFound,
		"the first endpoint claims, and only it":        firstEndpointClaims,
		"one of many at once claims (I3)":               oneOfManyClaims,
		"revoked is refused for good (I1, I2)":          revokedIsRefused,
		"applications do not share credentials (I8)":    applicationsDoNotShare,
		"any id and any body are kept as they are":      anyIDAndBody,
		"a proof is judged, or refused as unsupported":  proofIsJudged,
		"a proof that is required must be given":        requiredProofMustBeGiven,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			c := &serviceCase{T: t, ServiceFixture: open(t)}
			c.app = c.application("first")
			run(c)
		})
	}
}

// serviceCase is a fixture with an application that uses the service.
type serviceCase struct {
	*testing.T
	ServiceFixture
	app engine.ApplicationID
}

var serviceCaller = engine.Caller{Tenant: engine.DefaultTenant, User: "suite", RequestID: "service-suite"}

func (c *serviceCase) application(name string) engine.ApplicationID {
	c.Helper()
	app, err := c.Engine.CreateApplication(c.Context(), serviceCaller, engine.ApplicationSpec{Name: name, Service: c.Service})
	require.NoError(c, err)
	return app.ID
}

func (c *serviceCase) provide(app engine.ApplicationID, id engine.CredentialsID, body string) (engine.Provisioned, error) {
	return c.Engine.Provision(c.Context(), serviceCaller, app, engine.ProvisionRequest{ID: id, Body: []byte(body)})
}

func (c *serviceCase) mustProvide(id engine.CredentialsID, body string) {
	c.Helper()
	_, err := c.provide(c.app, id, body)
	require.NoError(c, err)
}

func (c *serviceCase) lookup(app engine.ApplicationID, id engine.CredentialsID) (engine.Credentials, error) {
	return c.Engine.Credentials(c.Context(), serviceCaller, app, id)
}

// requireFound checks what a lookup answers.
func (c *serviceCase) requireFound(id engine.CredentialsID, body string, status engine.Status) {
	c.Helper()
	found, err := c.lookup(c.app, id)
	require.NoError(c, err)
	require.Equal(c, id, found.ID)
	require.Equal(c, body, string(found.Body))
	require.Equal(c, status, found.Status)
}

func (c *serviceCase) verify(app engine.ApplicationID, id engine.CredentialsID, endpoint engine.EndpointID) engine.Verdict {
	c.Helper()
	v, err := c.Engine.Verify(c.Context(), serviceCaller, app, engine.VerifyRequest{CredentialsID: id, EndpointID: endpoint})
	require.NoError(c, err)
	return v
}

func providedIsFound(c *serviceCase) {
	out, err := c.provide(c.app, "id-1", "body 1")
	require.NoError(c, err)
	require.True(c, out.Created)
	require.Equal(c, engine.Available, out.Credentials.Status)
	c.mustProvide("id-2", "body 2")
	c.requireFound("id-1", "body 1", engine.Available)
	c.requireFound("id-2", "body 2", engine.Available)
}

func providingAgainChangesNothing(c *serviceCase) {
	c.mustProvide("id", "body")
	require.True(c, c.verify(c.app, "id", "endpoint").Accepted)
	before, err := c.lookup(c.app, "id")
	require.NoError(c, err)
	again, err := c.provide(c.app, "id", "body")
	require.NoError(c, err)
	require.False(c, again.Created)
	after, err := c.lookup(c.app, "id")
	require.NoError(c, err)
	require.Equal(c, before, after)
	require.Equal(c, engine.ReasonInUse, c.verify(c.app, "id", "other").Reason)
}

func anotherBodyIsRefusedOrReplaces(c *serviceCase) {
	c.mustProvide("id", "first")
	_, err := c.provide(c.app, "id", "second")
	if err != nil {
		require.Equal(c, engine.CodeConflict, engine.CodeOf(err), "%v", err)
		c.requireFound("id", "first", engine.Available)
		return
	}
	c.requireFound("id", "second", engine.Available)
}

func unknownIsNotFound(c *serviceCase) {
	if c.Trusting {
		c.requireFound("unknown", "", engine.Available)
		return
	}
	_, err := c.lookup(c.app, "unknown")
	require.Equal(c, engine.CodeNotFound, engine.CodeOf(err), "%v", err)
	v := c.verify(c.app, "unknown", "endpoint")
	require.False(c, v.Accepted)
	require.Equal(c, engine.ReasonNotFound, v.Reason)
	_, err = c.Engine.Revoke(c.Context(), serviceCaller, c.app, "unknown")
	require.Equal(c, engine.CodeNotFound, engine.CodeOf(err), "%v", err)
}

func firstEndpointClaims(c *serviceCase) {
	c.mustProvide("id", "body")
	require.True(c, c.verify(c.app, "id", "first").Accepted)
	c.requireFound("id", "body", engine.InUse)
	require.True(c, c.verify(c.app, "id", "first").Accepted, "the endpoint connects again")
	v := c.verify(c.app, "id", "second")
	require.False(c, v.Accepted)
	require.Equal(c, engine.ReasonInUse, v.Reason)
}

func oneOfManyClaims(c *serviceCase) {
	c.mustProvide("id", "body")
	const endpoints = 8
	var (
		wg       sync.WaitGroup
		verdicts [endpoints]engine.Verdict
		errs     [endpoints]error
	)
	for i := range endpoints {
		wg.Go(func() {
			verdicts[i], errs[i] = c.Engine.Verify(c.Context(), serviceCaller, c.app,
				engine.VerifyRequest{CredentialsID: "id", EndpointID: engine.EndpointID(fmt.Sprintf("endpoint-%d", i))})
		})
	}
	wg.Wait()
	accepted := 0
	for i, v := range verdicts {
		require.NoError(c, errs[i])
		if v.Accepted {
			accepted++
		} else {
			require.Equal(c, engine.ReasonInUse, v.Reason)
		}
	}
	require.Equal(c, 1, accepted)
}

func revokedIsRefused(c *serviceCase) {
	c.mustProvide("id", "body")
	require.True(c, c.verify(c.app, "id", "endpoint").Accepted)
	for range 2 { // the second time changes nothing
		_, err := c.Engine.Revoke(c.Context(), serviceCaller, c.app, "id")
		require.NoError(c, err)
		v := c.verify(c.app, "id", "endpoint")
		require.False(c, v.Accepted)
		require.Equal(c, engine.ReasonRevoked, v.Reason)
		c.requireFound("id", "body", engine.Revoked)
		_, err = c.provide(c.app, "id", "body")
		require.Equal(c, engine.CodeConflict, engine.CodeOf(err), "%v", err)
	}
}

func applicationsDoNotShare(c *serviceCase) {
	other := c.application("second")
	c.mustProvide("id", "body")
	if !c.Trusting {
		_, err := c.lookup(other, "id")
		require.Equal(c, engine.CodeNotFound, engine.CodeOf(err), "%v", err)
	}
	_, err := c.provide(other, "id", "another body")
	require.NoError(c, err)
	c.requireFound("id", "body", engine.Available)
	require.True(c, c.verify(other, "id", "theirs").Accepted)
	c.requireFound("id", "body", engine.Available)
	_, err = c.Engine.Revoke(c.Context(), serviceCaller, other, "id")
	require.NoError(c, err)
	require.True(c, c.verify(c.app, "id", "ours").Accepted)
}

func anyIDAndBody(c *serviceCase) {
	// A module that keeps body and id in one value of its state needs room.
	body := make([]byte, engine.MaxBodyBytes-2*engine.MaxIDBytes)
	for i := range body {
		body[i] = byte(i)
	}
	for _, id := range []engine.CredentialsID{"a", "/+=%2f..", "größer\n", "\U0001F511"} {
		c.mustProvide(id, string(id)+" body")
		c.requireFound(id, string(id)+" body", engine.Available)
	}
	c.mustProvide("large", string(body))
	found, err := c.lookup(c.app, "large")
	require.NoError(c, err)
	require.Equal(c, body, found.Body)
}
