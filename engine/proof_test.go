package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

var proof = &engine.Proof{Type: "pin", Challenge: []byte("c"), Value: []byte("1234")}

func (w *world) prove(app engine.ApplicationID, p *engine.Proof) (engine.Verdict, error) {
	return w.Verify(w.t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "x", EndpointID: "ep", Proof: p})
}

func TestAProofIsAskedForAfterTheStatus(t *testing.T) {
	var asked []engine.Credentials
	for name, test := range map[string]struct {
		status engine.Status
		proof  *engine.Proof
		answer error
		want   engine.Reason
		code   engine.Code
		asked  int
	}{
		"holds":               {engine.Available, proof, nil, "", "", 1},
		"denied":              {engine.Available, proof, engine.Errorf(engine.CodeDenied, "wrong pin"), engine.ReasonBadProof, "", 1},
		"malformed":           {engine.Available, proof, engine.Errorf(engine.CodeInvalid, "no digits"), engine.ReasonBadProof, "", 1},
		"no decision":         {engine.Available, proof, engine.Errorf(engine.CodeUnavailable, "asleep"), "", engine.CodeUnavailable, 1},
		"a fault":             {engine.Available, proof, engine.Errorf(engine.CodeModuleFault, "trapped"), "", engine.CodeModuleFault, 1},
		"not found":           {engine.Available, proof, engine.ErrNotFound, "", engine.CodeModuleError, 1},
		"conflict":            {engine.Available, proof, engine.Errorf(engine.CodeConflict, "exists"), "", engine.CodeModuleError, 1},
		"type not known":      {engine.Available, proof, engine.Errorf(engine.CodeUnsupported, "no such type"), "", engine.CodeUnsupported, 1},
		"any error":           {engine.Available, proof, errors.New("x"), "", engine.CodeInternal, 1},
		"none given":          {engine.Available, nil, nil, "", "", 0},
		"revoked, not asked":  {engine.Revoked, proof, nil, engine.ReasonRevoked, "", 0},
		"of another endpoint": {engine.InUse, proof, nil, engine.ReasonInUse, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			asked = nil
			w.deploy("pins", &script{lookup: func(_ *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
				return engine.Credentials{ID: id, Status: test.status, Body: []byte("hash of the pin")}, nil
			}, verifyProof: func(tx *engine.Tx, c engine.Credentials, p engine.Proof) error {
				asked = append(asked, c)
				require.Equal(t, *proof, p)
				require.NoError(t, tx.State().Put([]byte("seen"), p.Value))
				return test.answer
			}})
			app := w.app("pins")
			v, err := w.prove(app, test.proof)
			require.Len(t, asked, test.asked)
			if test.asked > 0 {
				require.Equal(t, engine.Credentials{ID: "x", Status: test.status, Body: []byte("hash of the pin")}, asked[0])
			}
			if test.code != "" {
				requireCode(t, test.code, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, test.want, v.Reason)
			}
			require.Equal(t, test.code == "" && test.want == "", v.Accepted)
			snap, err := w.store.Read(t.Context(), engine.Strict, "kv/"+string(app)+"/pins/seen")
			require.NoError(t, err)
			require.Equal(t, v.Accepted && test.proof != nil, snap.Records[0].Exists(), "only a proof that holds writes")
			if test.want == engine.ReasonBadProof {
				require.NotEmpty(t, v.Detail)
				require.Equal(t, engine.Available, v.Credentials.Status)
				require.Nil(t, v.Registration)
			}
		})
	}
}

func TestAnEndpointProvesItselfEachTime(t *testing.T) {
	w := newWorld(t)
	w.deploy("pins", &script{lookup: always(engine.Available), verifyProof: func(_ *engine.Tx, _ engine.Credentials, p engine.Proof) error {
		if string(p.Value) != "1234" {
			return engine.Errorf(engine.CodeDenied, "wrong pin")
		}
		return nil
	}})
	app, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a", Service: "pins", ProofPolicy: engine.ProofRequired})
	require.NoError(t, err)
	require.Equal(t, engine.ProofRequired, app.ProofPolicy)
	for range 2 {
		v, err := w.prove(app.ID, nil)
		require.NoError(t, err)
		require.Equal(t, engine.ReasonBadProof, v.Reason)
		require.Contains(t, v.Detail, "none was given")
		v, err = w.prove(app.ID, &engine.Proof{Type: "pin", Value: []byte("0000")})
		require.NoError(t, err)
		require.Equal(t, engine.ReasonBadProof, v.Reason)
		require.Equal(t, "wrong pin", v.Detail)
		v, err = w.prove(app.ID, &engine.Proof{Type: "pin", Value: []byte("1234")})
		require.NoError(t, err)
		require.True(t, v.Accepted)
	}
	// A service that judges none in its place lets nobody in.
	w.deploy("pins", &script{lookup: always(engine.Available)})
	v, err := w.prove(app.ID, nil)
	require.NoError(t, err)
	require.Equal(t, engine.ReasonBadProof, v.Reason)
	_, err = w.prove(app.ID, proof)
	requireCode(t, engine.CodeUnsupported, err)
}

func TestAPolicyThatNobodyCanKeepIsRefused(t *testing.T) {
	w := newWorld(t)
	w.deploy("open", &script{lookup: always(engine.Available)})
	required, unknown, none := engine.ProofRequired, engine.ProofPolicy("perhaps"), engine.ProofPolicy("")
	for _, service := range []engine.ServiceName{engine.Trustful, engine.Internal, "open"} {
		_, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "refused", Service: service, ProofPolicy: required})
		requireCode(t, engine.CodeInvalid, err)
		require.Contains(t, err.Error(), "judges proofs")
		app := w.app(service)
		_, err = w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{ProofPolicy: &required}, 0)
		requireCode(t, engine.CodeInvalid, err)
		_, err = w.prove(app, proof)
		if service != engine.Internal { // which does not know x
			requireCode(t, engine.CodeUnsupported, err)
		}
		_, err = w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{ProofPolicy: &unknown}, 0)
		requireCode(t, engine.CodeInvalid, err)
		changed, err := w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{ProofPolicy: &none}, 0)
		require.NoError(t, err)
		require.Equal(t, engine.ProofGateway, changed.ProofPolicy)
	}
	_, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a", ProofPolicy: unknown})
	requireCode(t, engine.CodeInvalid, err)
}

func TestProofsThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	for name, p := range map[string]*engine.Proof{
		"no type":   {Value: []byte("x")},
		"odd type":  {Type: "a\nb", Value: []byte("x")},
		"long type": {Type: strings.Repeat("x", 129), Value: []byte("x")},
		"no utf-8":  {Type: "\xff", Value: []byte("x")},
		"no value":  {Type: "t"},
	} {
		_, err := w.prove(app, p)
		require.Equal(t, engine.CodeInvalid, engine.CodeOf(err), name)
	}
	_, err := w.prove(app, &engine.Proof{Type: "t", Challenge: []byte("x"), Value: make([]byte, engine.MaxProofBytes)})
	requireCode(t, engine.CodeTooLarge, err)
}
