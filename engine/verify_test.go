package engine_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// The rules of verification, with Internal: what was done before decides.
func TestVerifyFollowsTheRules(t *testing.T) {
	type before func(w *world, app engine.ApplicationID, id engine.CredentialsID)
	claimBy := func(endpoint engine.EndpointID) before {
		return func(w *world, app engine.ApplicationID, id engine.CredentialsID) {
			require.True(w.t, w.verify(app, id, endpoint).Accepted)
		}
	}
	bind := func(w *world, app engine.ApplicationID, id engine.CredentialsID) {
		_, _, err := w.BindRegistration(w.t.Context(), admin, app, id, engine.Profile{Version: 3, Body: []byte(`{"site":"A"}`)}, 0)
		require.NoError(w.t, err)
	}
	unbind := func(w *world, app engine.ApplicationID, id engine.CredentialsID) {
		require.NoError(w.t, w.DeleteRegistration(w.t.Context(), admin, app, id, 0))
	}
	revoke := func(w *world, app engine.ApplicationID, id engine.CredentialsID) {
		_, err := w.Revoke(w.t.Context(), admin, app, id)
		require.NoError(w.t, err)
	}
	validity := func(from, until time.Duration) before {
		return func(w *world, app engine.ApplicationID, id engine.CredentialsID) {
			notBefore, notAfter := w.now.Add(from), w.now.Add(until)
			_, err := w.UpdateCredentials(w.t.Context(), admin, app, id, engine.CredentialsPatch{NotBefore: &notBefore, NotAfter: &notAfter}, 0)
			require.NoError(w.t, err)
		}
	}
	for name, test := range map[string]struct {
		before []before
		want   engine.Reason // "" is accepted
	}{
		"available is claimed":                             {nil, ""},
		"the owner comes again":                            {[]before{claimBy("ep")}, ""},
		"another endpoint is refused":                      {[]before{claimBy("other")}, engine.ReasonInUse},
		"a profile bound before is kept and completed":     {[]before{bind}, ""},
		"a profile bound after changes nothing":            {[]before{claimBy("ep"), bind}, ""},
		"revoked":                                          {[]before{revoke}, engine.ReasonRevoked},
		"revoked after the claim":                          {[]before{claimBy("ep"), revoke}, engine.ReasonRevoked},
		"revoked with a profile bound":                     {[]before{bind, revoke}, engine.ReasonRevoked},
		"in use without a registration":                    {[]before{claimBy("ep"), unbind}, engine.ReasonInUse},
		"registered again after the registration was lost": {[]before{claimBy("ep"), unbind, bind}, ""},
		"another endpoint after the registration was lost": {[]before{claimBy("other"), unbind, bind}, engine.ReasonInUse},
		"expired":                   {[]before{validity(-2*time.Hour, -time.Hour)}, engine.ReasonExpired},
		"expired for the owner too": {[]before{claimBy("ep"), validity(-2*time.Hour, -time.Hour)}, engine.ReasonExpired},
		"not yet valid":             {[]before{validity(time.Hour, 2*time.Hour)}, engine.ReasonExpired},
		"within validity":           {[]before{validity(-time.Hour, time.Hour)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			app := w.app(engine.Internal)
			id := w.provision(app, "key")
			for _, do := range test.before {
				do(w, app, id)
			}
			v := w.verify(app, id, "ep")
			require.Equal(t, test.want, v.Reason)
			require.Equal(t, test.want == "", v.Accepted)
			require.Positive(t, v.Revision)
			if !v.Accepted {
				return
			}
			c, err := w.Credentials(t.Context(), admin, app, id)
			require.NoError(t, err)
			require.Equal(t, engine.InUse, c.Status)
			require.Equal(t, engine.EndpointID("ep"), c.ClaimedBy)
			require.Equal(t, c.Version, v.Credentials.Version)
			reg, err := w.Registration(t.Context(), admin, app, id)
			require.NoError(t, err)
			require.Equal(t, engine.EndpointID("ep"), reg.EndpointID)
			require.Equal(t, reg, *v.Registration)
		})
	}
}

func TestVerifyKeepsAProfileThatWasBoundBefore(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	_, created, err := w.BindRegistration(t.Context(), admin, app, id, engine.Profile{Version: 7, Body: []byte(`{"site":"A"}`)}, 0)
	require.NoError(t, err)
	require.True(t, created)
	v := w.verify(app, id, "ep")
	require.EqualValues(t, 7, v.Registration.ProfileVersion)
	require.JSONEq(t, `{"site":"A"}`, string(v.Registration.Profile))
}

func TestInternalRefusesWhatWasNotProvisioned(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, engine.ReasonNotFound, w.verify(w.app(engine.Internal), "unknown", "").Reason)
}

func TestTrustfulAdmitsAnyEndpointButARevokedOne(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	require.True(t, w.verify(app, "never seen", "ep").Accepted)
	require.True(t, w.verify(app, "never seen", "ep").Accepted)
	require.Equal(t, engine.ReasonInUse, w.verify(app, "never seen", "other").Reason)
	for _, id := range []engine.CredentialsID{"never seen", "nor connected"} {
		_, err := w.Revoke(t.Context(), admin, app, id)
		require.NoError(t, err)
		require.Equal(t, engine.ReasonRevoked, w.verify(app, id, "ep").Reason)
	}
}

func TestAnEndpointTrustedBeforeIsUnknownToInternal(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	require.True(t, w.verify(app, "trusted", "ep").Accepted)
	provisioned := w.provision(app, "key")
	internal := engine.Internal
	_, err := w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{Service: &internal}, 0)
	require.NoError(t, err)
	require.Equal(t, engine.ReasonNotFound, w.verify(app, "trusted", "ep").Reason)
	require.True(t, w.verify(app, provisioned, "ep").Accepted)
}

func TestCredentialsBelongToOneApplication(t *testing.T) {
	w := newWorld(t)
	first, second := w.app(engine.Internal), w.app(engine.Internal)
	id := w.provision(first, "key")
	require.Equal(t, engine.ReasonNotFound, w.verify(second, id, "ep").Reason)
	require.Equal(t, id, w.provision(second, "key"))
	_, err := w.Revoke(t.Context(), admin, second, id)
	require.NoError(t, err)
	require.True(t, w.verify(first, id, "ep").Accepted)
	require.Equal(t, engine.ReasonRevoked, w.verify(second, id, "ep").Reason)
}

func TestAnotherTenantsApplicationIsNotFound(t *testing.T) { // I8
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	stranger := engine.Caller{Tenant: "other", User: "eve"}
	_, err := w.Verify(t.Context(), stranger, app, engine.VerifyRequest{CredentialsID: id})
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.Revoke(t.Context(), stranger, app, id)
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.Credentials(t.Context(), stranger, app, id)
	requireCode(t, engine.CodeNotFound, err)
	require.True(t, w.verify(app, id, "ep").Accepted)
}

func TestThePresentedKeyMustHashToTheID(t *testing.T) {
	for _, scheme := range []engine.IDScheme{engine.IDSchemeSHA256, engine.IDSchemeKaa} {
		w := newWorld(t)
		app, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a", Service: engine.Internal, IDScheme: scheme})
		require.NoError(t, err)
		id := w.provision(app.ID, "key")
		ask := func(key string) engine.Verdict {
			v, err := w.Verify(t.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: id, PublicKey: []byte(key)})
			require.NoError(t, err)
			return v
		}
		require.Equal(t, engine.ReasonKeyMismatch, ask("stolen").Reason)
		require.True(t, ask("key").Accepted)
	}
}

func TestIDSchemesGiveTheKnownIDs(t *testing.T) {
	require.EqualValues(t, "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", engine.IDSchemeKaa.ID(nil))
	require.EqualValues(t, "Ojrspq2mDrf81LzJXyRp5Brgg7Y=", engine.IDSchemeKaa.ID([]byte("credentials_body")))
	require.EqualValues(t, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", engine.IDSchemeSHA256.ID(nil))
}

// I3: of many endpoints that race for credentials, one claims them.
func TestOneEndpointClaims(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	var accepted sync.Map
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			endpoint := engine.EndpointID(fmt.Sprint("ep", i))
			v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: endpoint})
			if err == nil && v.Accepted {
				accepted.Store(endpoint, true)
			}
		})
	}
	group.Wait()
	winners := 0
	accepted.Range(func(any, any) bool { winners++; return true })
	require.Equal(t, 1, winners)
}

// I1 and I2 under a race of verifies, claims, provisions and one revoke.
func TestNothingIsAcceptedAfterARevokeReturned(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	revoked := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				after := false
				select {
				case <-revoked:
					after = true
				default:
				}
				v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: "ep"})
				if after && (err != nil || v.Reason != engine.ReasonRevoked) {
					t.Errorf("asked after the revoke: %v %v", v, err)
				}
				_, _ = w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("key")})
			}
		})
	}
	_, err := w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	close(revoked)
	group.Wait()
}

// What a custom service says decides, unless the engine knows better.
func TestAServicesAnswerIsJudged(t *testing.T) {
	answer := func(c engine.Credentials, err error) func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error) {
		return func(_ *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
			if c.ID == "" {
				c.ID = id
			}
			return c, err
		}
	}
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		lookup func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error)
		inUse  func(*engine.Tx, engine.CredentialsID) error
		want   engine.Reason
		code   engine.Code
	}{
		"available":            {lookup: always(engine.Available)},
		"unknown":              {lookup: answer(engine.Credentials{}, engine.ErrNotFound), want: engine.ReasonNotFound},
		"revoked":              {lookup: always(engine.Revoked), want: engine.ReasonRevoked},
		"in use by a stranger": {lookup: always(engine.InUse), want: engine.ReasonInUse},
		"expired":              {lookup: answer(engine.Credentials{Status: engine.Available, NotAfter: past}, nil), want: engine.ReasonExpired},
		"refused":              {lookup: answer(engine.Credentials{}, engine.Errorf(engine.CodeDenied, "not on Sundays")), want: engine.ReasonDenied},
		"claim refused": {
			lookup: always(engine.Available),
			inUse:  func(*engine.Tx, engine.CredentialsID) error { return engine.Errorf(engine.CodeDenied, "quota") },
			want:   engine.ReasonDenied,
		},
		"claim failed": {
			lookup: always(engine.Available),
			inUse:  func(*engine.Tx, engine.CredentialsID) error { return errors.New("broken") },
			code:   engine.CodeInternal,
		},
		"another id":        {lookup: answer(engine.Credentials{ID: "x", Status: engine.Available}, nil), code: engine.CodeModuleFault},
		"an unknown status": {lookup: always("SOMETIMES"), code: engine.CodeModuleFault},
		"too large a body":  {lookup: answer(engine.Credentials{Status: engine.Available, Body: make([]byte, engine.MaxBodyBytes+1)}, nil), code: engine.CodeModuleFault},
		"a trap":            {lookup: answer(engine.Credentials{}, engine.Errorf(engine.CodeModuleFault, "trapped")), code: engine.CodeModuleFault},
		"unavailable":       {lookup: answer(engine.Credentials{}, engine.Errorf(engine.CodeUnavailable, "registry away")), code: engine.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy("NEW", &script{lookup: test.lookup, markInUse: test.inUse})
			app := w.app("NEW")
			v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "id"})
			if test.code != "" {
				requireCode(t, test.code, err)
				require.False(t, v.Accepted)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, v.Reason)
			require.Equal(t, test.want == "", v.Accepted)
		})
	}
}

func TestVerifyOfAMissingServiceIsNoDecision(t *testing.T) {
	w := newWorld(t)
	w.deploy("NEW", &script{lookup: always(engine.Available)})
	app := w.app("NEW")
	// Somebody removed the record behind the engine's back.
	_, err := w.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "service/NEW", Delete: true}}})
	require.NoError(t, err)
	_, err = w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "id"})
	requireCode(t, engine.CodeUnavailable, err)
	require.ErrorContains(t, err, "NEW")
}

func TestMalformedIDsAreRefused(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	long := engine.CredentialsID(make([]byte, engine.MaxIDBytes+1))
	for _, id := range []engine.CredentialsID{"", "a\x00b", "\xff\xfe", long} {
		_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id})
		requireCode(t, engine.CodeInvalid, err)
	}
	for _, id := range []engine.CredentialsID{"a/b+c=", "../..", "ключ/鍵", "%2F", "a b"} {
		require.True(t, w.verify(app, id, "").Accepted, "%q", id)
		c, err := w.Credentials(t.Context(), admin, app, id)
		require.NoError(t, err)
		require.Equal(t, id, c.ID)
	}
}
