package wasmhost

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// A challenge is good once: of many proofs for the same one, which arrive at
// the same moment, one is accepted.
func TestAChallengeIsUsedOnceUnderARace(t *testing.T) {
	w := newWorld(t, Options{})
	app := w.serves("proof")
	v, err := w.prove(app, "", "=0")
	require.NoError(t, err)
	require.True(t, v.Accepted)
	for round := range 5 {
		const endpoints = 8
		var wg sync.WaitGroup
		var accepted, refused atomic.Int32
		for n := range endpoints {
			wg.Go(func() {
				v, err := w.prove(app, fmt.Sprint("=", round), fmt.Sprint("=", round+1, strings.Repeat(" ", n)))
				if err != nil {
					t.Error(err)
				} else if v.Accepted {
					accepted.Add(1)
				} else if v.Reason == engine.ReasonBadProof {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, accepted.Load())
		require.EqualValues(t, endpoints-1, refused.Load())
		c, err := w.lookup(app, "x")
		require.NoError(t, err)
		trimmed := strings.TrimRight(string(c.Body), " ")
		require.Equal(t, fmt.Sprint("=", round+1), trimmed)
		v, err := w.prove(app, string(c.Body), trimmed) // for the next round
		require.NoError(t, err)
		require.True(t, v.Accepted)
	}
}
