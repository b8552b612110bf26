package wasmhost

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

func (w *world) prove(app engine.ApplicationID, challenge, proof string) (engine.Verdict, error) {
	return w.Verify(w.t.Context(), admin, app, engine.VerifyRequest{
		CredentialsID: "x", EndpointID: "endpoint",
		Proof: &engine.Proof{Type: "vendor-token", Challenge: []byte(challenge), Value: []byte(proof)},
	})
}

func TestAModuleJudgesProofs(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 100 * time.Millisecond}})
	app := w.serves("proof")
	for name, c := range map[string]struct {
		challenge, proof string
		reason           engine.Reason
		detail           string
		code             engine.Code // of no decision
	}{
		"holds":         {"", "y", "", "", ""},
		"does not hold": {"", "no", engine.ReasonBadProof, "the code is wrong", ""},
		"malformed":     {"", "m", engine.ReasonBadProof, "the credentials service finds the request malformed", ""},
		"not found":     {"", "f", "", "", engine.CodeModuleError},
		"exists":        {"", "a", "", "", engine.CodeModuleError},
		"unsupported":   {"", "u", "", "", engine.CodeUnsupported},
		"unavailable":   {"", "?", "", "", engine.CodeUnavailable},
		"traps":         {"", "t", "", "", engine.CodeModuleFault},
		"spins":         {"", "s", "", "", engine.CodeDeadline},
		"output":        {"", "o", "", "", engine.CodeModuleFault},
		"negative":      {"", "-", "", "", engine.CodeModuleFault},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			v, err := w.prove(app, c.challenge, c.proof)
			if c.code != "" {
				requireCode(t, c.code, err)
				require.False(t, v.Accepted)
				if c.code == engine.CodeModuleFault || c.code == engine.CodeDeadline {
					requireIncident(t, w, err)
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.reason == "", v.Accepted)
			require.Equal(t, c.reason, v.Reason)
			require.Equal(t, c.detail, v.Detail)
		})
	}
}

func TestOnlyAProofThatHoldsWrites(t *testing.T) {
	w := newWorld(t, Options{})
	app := w.serves("proof")
	requireBody := func(body string) {
		t.Helper()
		c, err := w.lookup(app, "x")
		require.NoError(t, err)
		require.Equal(t, body, string(c.Body))
	}
	for _, refused := range []string{"no", "m", "?", "t", "o", "=wrong"} {
		v, _ := w.prove(app, "challenge", refused)
		require.False(t, v.Accepted)
		requireBody("")
		c, err := w.lookup(app, "x")
		require.NoError(t, err)
		require.Equal(t, engine.Available, c.Status, "nothing was claimed")
	}
	v, err := w.prove(app, "", "=first")
	require.NoError(t, err)
	require.True(t, v.Accepted)
	requireBody("=first")

	v, err = w.prove(app, "", "=second")
	require.NoError(t, err)
	require.Equal(t, engine.ReasonBadProof, v.Reason, "the challenge must be the body that the lookup gave")
	requireBody("=first")
	v, err = w.prove(app, "=first", "=second")
	require.NoError(t, err)
	require.True(t, v.Accepted, "the endpoint connects again")
	requireBody("=second")
}

func TestAModuleWithoutTheExportJudgesNoProofs(t *testing.T) {
	w := newWorld(t, Options{})
	app := w.serves("canary")
	_, err := w.prove(app, "", "y")
	require.Equal(t, "/proof", failure(t, engine.CodeUnsupported, err).Field)
	v, err := w.verify(app, "x")
	require.NoError(t, err)
	require.True(t, v.Accepted)
	_, err = w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "strict", Service: "canary", ProofPolicy: engine.ProofRequired})
	require.Equal(t, "/proofPolicy", failure(t, engine.CodeInvalid, err).Field)
}

func TestInspectNamesTheMethodsThatAModuleOffers(t *testing.T) {
	r := newRuntime(t, Options{})
	m, err := r.Inspect(t.Context(), wattest.Module(t, "proof"))
	require.NoError(t, err)
	require.Equal(t, []string{wasmabi.ExportLookup, wasmabi.ExportVerifyProof}, m.Methods)
}

func TestTheLargestProofFitsIntoARequest(t *testing.T) {
	long := strings.Repeat("i", engine.MaxIDBytes)
	o := operation{method: verifyProof, asked: engine.Credentials{
		ID: engine.CredentialsID(long), Body: make([]byte, engine.MaxBodyBytes), Status: engine.Available, NotAfter: time.Unix(maxExpiresUnix, 0),
	}, proof: engine.Proof{Type: long, Challenge: make([]byte, 1<<10), Value: bytes.Repeat([]byte("p"), engine.MaxProofBytes-1<<10)}}
	request := o.encode(nil, subject{application: long, request: long})
	require.LessOrEqual(t, len(request), wasmabi.MaxInputBytes)
	var m wasmabi.VerifyProofRequest
	require.NoError(t, m.Decode(request))
	require.EqualValues(t, maxExpiresUnix, m.Credentials.ExpiresUnix)
}
