package wasmhost

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// codes are what a report found, in order.
func foundCodes(r Report) []FindingCode {
	var all []FindingCode
	for _, f := range r.Findings {
		all = append(all, f.Code)
	}
	return all
}

func TestTheCheckSaysAllThatIsWrong(t *testing.T) {
	r := newRuntime(t, Options{Limits: Limits{CallTimeout: 100 * time.Millisecond, StartTimeout: 100 * time.Millisecond, ProvideTimeout: 100 * time.Millisecond}})
	for name, want := range map[string][]FindingCode{
		"kv-echo":           nil,
		"tail-call":         {FoundFeature},
		"memory-large":      {FoundOverLimit},
		"command":           {FoundExportCommand, FoundNoManifest},
		"no-marker":         {FoundExportMissing, FoundNoManifest},
		"export-signature":  {FoundExportWrong, FoundNoManifest},
		"import-unknown":    {FoundNoManifest, FoundImportUnknown},
		"import-signature":  {FoundNoManifest, FoundImportWrong},
		"undeclared-kv":     {FoundNoManifest, FoundImportUndeclared},
		"manifest-field":    {FoundManifest},
		"configure-refuses": {FoundNoManifest, FoundConfigRefused},
		"configure-loop":    {FoundNoManifest, FoundLate},
		"init-trap":         {FoundNoManifest, FoundTrap},
		"trap":              {FoundNoManifest, FoundTrap, FoundTrap, FoundTrap, FoundTrap},
		"malformed":         {FoundNoManifest, FoundViolation, FoundViolation},
		"negative-status":   {FoundNoManifest, FoundViolation, FoundViolation, FoundViolation, FoundViolation},
		"output-on-mark":    {FoundNoManifest, FoundViolation, FoundViolation},
		"empty-output":      {FoundNoManifest, FoundViolation},
		"error-control":     {FoundNoManifest, FoundInternal},
		"tiny":              {FoundNoManifest, FoundUnknownAccepted, FoundProofAccepted},
		"refuse-all":        {FoundNoManifest, FoundProvideRefused},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := r.Check(t.Context(), wattest.Module(t, name), CheckOptions{})
			require.NoError(t, err)
			require.Equal(t, want, foundCodes(report), "%v", report.Findings)
			failed := false
			for _, f := range report.Findings {
				failed = failed || f.Severity == SeverityError
				require.NotEmpty(t, f.Message)
			}
			require.Equal(t, failed, report.Failed())
		})
	}
	require.Empty(t, r.codes.all, "code is still held")
}

// What an upload and a deployment answer is the first error of the report.
func TestUploadsAndDeploymentsAnswerWithTheFirstError(t *testing.T) {
	r := newRuntime(t, Options{Limits: Limits{CallTimeout: 100 * time.Millisecond, StartTimeout: 100 * time.Millisecond, ProvideTimeout: 100 * time.Millisecond}})
	for _, name := range wattest.Names(t) {
		if name == "init-flaky" {
			continue // it does not fail twice alike
		}
		wasm := wattest.Module(t, name)
		report, err := r.Check(t.Context(), wasm, CheckOptions{})
		require.NoError(t, err)
		if slices.Contains(foundCodes(report), FoundGrantsNeeded) {
			continue // the check grants what a deployment has to
		}
		s, err := start(t, r, "s", wasm)
		if err == nil {
			s.Close()
		}
		require.Equal(t, report.Failed(), err != nil, "%s: %v, %v", name, report.Findings, err)
		first := findings(report.Findings).refusal()
		if err != nil && first != nil {
			require.Equal(t, engine.CodeOf(first), engine.CodeOf(err), name)
		}
	}
}

func TestTheCheckNamesTheFix(t *testing.T) {
	r := newRuntime(t, Options{})
	echo := wattest.Module(t, "kv-echo")
	for name, c := range map[string]struct {
		wasm    []byte
		options CheckOptions
		code    FindingCode
		says    string
	}{
		"undeclared":     {wattest.Module(t, "undeclared-kv"), CheckOptions{}, FoundImportUndeclared, `"cred_v1" "kv_get" (at byte offset 0x1e) and the manifest does not ask for the capability "kv": add "kv": {} to its capabilities`},
		"not granted":    {echo, CheckOptions{Grants: json.RawMessage(`{}`)}, FoundCapabilityMissing, "namely kv: add that to the grants"},
		"bad grants":     {echo, CheckOptions{Grants: json.RawMessage(`{"root":{}}`)}, FoundGrants, `"root" is unknown`},
		"bad limits":     {echo, CheckOptions{Limits: json.RawMessage(`{"callMs":0}`)}, FoundLimits, "to 1 at least"},
		"bad config":     {echo, CheckOptions{Config: json.RawMessage(`{`)}, FoundConfigInvalid, "the service's config"},
		"unused":         {withManifest(t, tiny(t), `{"abi":1,"name":"x","version":"1","capabilities":{"clock":{}}}`), CheckOptions{}, FoundCapabilityUnused, `leave "clock" out`},
		"memory ceiling": {withManifest(t, tiny(t), `{"abi":1,"name":"x","version":"1","limits":{"memoryPages":5000}}`), CheckOptions{}, FoundOverLimit, "at most 4096"},
	} {
		report, err := r.Check(t.Context(), c.wasm, c.options)
		require.NoError(t, err)
		i := 0
		for i < len(report.Findings)-1 && report.Findings[i].Code != c.code {
			i++
		}
		require.NotEmpty(t, report.Findings, name)
		require.Equal(t, c.code, report.Findings[i].Code, name)
		require.Contains(t, report.Findings[i].Message, c.says, name)
	}
}

// A header of a request may name a secret, so http alone may need the capability.
func TestSecretsForHeadersAreUsed(t *testing.T) {
	r := newRuntime(t, Options{})
	const http = `"http":[{"url":"https://erp.example.com/"}]`
	wasm := withManifest(t, wattest.Module(t, "http-get"), `{"abi":1,"name":"x","version":"1","capabilities":{"secrets":["erp-token"],`+http+`}}`)
	report, err := r.Check(t.Context(), wasm, CheckOptions{Grants: json.RawMessage(`{"secrets":["erp-token"],` + http + `}`)})
	require.NoError(t, err)
	require.NotContains(t, foundCodes(report), FoundCapabilityUnused)
}

func TestAServiceInGoPassesWithoutAFinding(t *testing.T) {
	r := newRuntime(t, Options{CacheDir: compiled})
	report, err := r.Check(t.Context(), goGuest(t), CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.Greater(t, report.Steps, 15)
	require.Equal(t, "full", report.Module.Name)
	require.NotEmpty(t, report.Module.Digest)

	// With a prefix the longest id does not fit into a key.
	report, err = r.Check(t.Context(), goGuest(t), CheckOptions{Config: json.RawMessage(`{"prefix":"a/"}`)})
	require.NoError(t, err)
	require.Equal(t, []FindingCode{FoundInternal}, foundCodes(report))
	require.Contains(t, report.Findings[0].Message, "256 letters on trial was answered with INTERNAL: kv_get: over a size limit")
}

// The guest that judges the host takes only the ids that it knows, and finds
// none of them afterwards.
func TestTheCheckWorksWithCredentialsThatTheServiceTakes(t *testing.T) {
	r := newRuntime(t, Options{CacheDir: compiled})
	wasm := withManifest(t, wattest.GoModule(t, "tck"),
		`{"abi":1,"name":"tck","version":"1","capabilities":{"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["shared"],"http":[{"url":"https://example.com/"}]}}`)
	report, err := r.Check(t.Context(), wasm, CheckOptions{})
	require.NoError(t, err)
	require.Equal(t, []FindingCode{FoundGrantsNeeded}, foundCodes(report), "%v", report.Findings)
	report, err = r.Check(t.Context(), wasm, CheckOptions{Sample: Operation{ID: "kv_put"}})
	require.NoError(t, err)
	require.Equal(t, []FindingCode{FoundGrantsNeeded, FoundProvideForgotten}, foundCodes(report), "%v", report.Findings)
}

func TestATrialThatTakesLongIsEnded(t *testing.T) {
	d := DefaultLimits() // under the race detector as well
	r := newRuntime(t, Options{Limits: Limits{CallTimeout: d.CallTimeout, ProvideTimeout: d.ProvideTimeout, StartTimeout: d.StartTimeout}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Check(ctx, wattest.Module(t, "kv-echo"), CheckOptions{})
	require.ErrorIs(t, err, context.Canceled)

	began := time.Now()
	for _, name := range []string{"spin", "recurse-exponential"} {
		_, err = r.Check(t.Context(), wattest.Module(t, name), CheckOptions{Limits: json.RawMessage(`{"callMs":50}`)})
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), 2*trialTime+soon)
}

func TestASandboxKeepsWhatAnOperationWroteIfItSucceeded(t *testing.T) {
	r := newRuntime(t, Options{})
	b, err := r.Sandbox(t.Context(), wattest.Module(t, "kv-echo"), SandboxOptions{State: map[string][]byte{"kept": []byte("x")}})
	require.NoError(t, err)
	defer b.Close()
	do := func(o Operation) Outcome {
		out, err := b.Do(t.Context(), o)
		require.NoError(t, err)
		require.NoError(t, out.Fault)
		return out
	}
	require.Equal(t, wasmabi.NotFound, do(Operation{Method: wasmabi.ExportLookup, ID: "a"}).Status)
	out := do(Operation{Method: wasmabi.ExportProvide, ID: "a", Body: []byte("body")})
	require.True(t, out.Changed)
	require.Equal(t, &engine.Credentials{ID: "a", Body: []byte("body"), Status: engine.Available}, out.Credentials)
	require.Positive(t, out.Used.HostCalls)
	require.Positive(t, out.Used.KvCalls)
	require.Positive(t, out.Used.Fuel)
	require.Less(t, out.Used.Fuel, int64(fuelSlice))
	require.Equal(t, wasmabi.OK, do(Operation{Method: wasmabi.ExportMarkInUse, ID: "a"}).Status)
	b.Restart()
	require.Equal(t, engine.InUse, do(Operation{Method: wasmabi.ExportLookup, ID: "a"}).Credentials.Status)
	require.Len(t, b.State(), 2)

	_, err = b.Do(t.Context(), Operation{Method: "sudo", ID: "a"})
	requireCode(t, engine.CodeInvalid, err)
}

func TestASandboxTellsAFaultFromARefusal(t *testing.T) {
	r := newRuntime(t, Options{})
	for name, want := range map[string]struct {
		status wasmabi.Status
		reason string
		fault  string
	}{
		"refuse-all":        {status: wasmabi.PermissionDenied, reason: "serial number outside of the batch"},
		"trap":              {fault: "trapped in lookup_credentials: "},
		"malformed":         {fault: "broke the contract cred_v1 in lookup_credentials: "},
		"empty-output":      {status: wasmabi.NotFound},
		"spin":              {fault: "ran out of time"},
		"configure-refuses": {fault: "start"},
	} {
		b, err := r.Sandbox(t.Context(), wattest.Module(t, name), SandboxOptions{Limits: json.RawMessage(`{"callMs":50}`)})
		require.NoError(t, err)
		for range 2 { // after a fault on a fresh instance
			out, err := b.Do(t.Context(), Operation{Method: wasmabi.ExportLookup, ID: "a"})
			if want.fault == "start" {
				require.ErrorContains(t, err, "the setting quota is missing")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want.status, out.Status, name)
			require.Equal(t, want.reason, out.Reason, name)
			if want.fault != "" {
				require.ErrorContains(t, out.Fault, want.fault)
			} else {
				require.NoError(t, out.Fault)
			}
			require.Empty(t, b.State())
		}
		out, err := b.Do(t.Context(), Operation{Method: wasmabi.ExportMarkInUse, ID: "a"})
		if name == "malformed" {
			require.NoError(t, err)
			require.Equal(t, wasmabi.Unsupported, out.Status)
		}
		b.Close()
	}
	require.Empty(t, r.codes.all, "code is still held")
}

// The state of a sandbox behaves like the engine's.
func TestStateInMemoryIsThatOfTheEngine(t *testing.T) {
	w := newWorld(t, Options{})
	require.NoError(t, w.units.work(t, func(ctx context.Context, tx *engine.Tx) error {
		memory := &memoryState{committed: map[string][]byte{}}
		for _, kv := range []state{tx.State(), memory} {
			for _, key := range []string{"b/2", "a/1", "b/1", "c", "b/3"} {
				require.NoError(t, kv.Put([]byte(key), []byte("v"+key)))
			}
			require.NoError(t, kv.Delete([]byte("b/1")))
			require.NoError(t, kv.Delete([]byte("none")))
			_, found, err := kv.Get(ctx, []byte("b/1"))
			require.NoError(t, err)
			require.False(t, found)
			value, found, err := kv.Get(ctx, []byte("c"))
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, "vc", string(value))
			for _, c := range []struct {
				prefix, after string
				limit         int
				want          []string
			}{
				{"", "", 9, []string{"a/1", "b/2", "b/3", "c"}},
				{"b/", "", 9, []string{"b/2", "b/3"}},
				{"b/", "b/2", 9, []string{"b/3"}},
				{"", "a/1", 2, []string{"b/2", "b/3"}},
				{"x", "", 9, nil},
			} {
				entries, err := kv.Scan(ctx, []byte(c.prefix), []byte(c.after), c.limit)
				require.NoError(t, err)
				var keys []string
				for _, e := range entries {
					keys = append(keys, string(e.Key))
					require.Equal(t, "v"+string(e.Key), string(e.Value))
				}
				require.Equal(t, c.want, keys)
			}
			kv.Discard()
			_, found, err = kv.Get(ctx, []byte("c"))
			require.NoError(t, err)
			require.False(t, found)
			for n := 0; ; n++ {
				require.Less(t, n, 100)
				if err := kv.Put([]byte("k"), make([]byte, 64<<10)); err != nil {
					require.ErrorIs(t, err, engine.ErrStateQuota)
					break
				}
			}
		}
		return nil
	}))
}

// What a deployment pays for the trial, compilation aside.
func BenchmarkTrial(b *testing.B) {
	for name, wasm := range map[string][]byte{"kv-echo": wattest.Module(b, "kv-echo"), "go": goGuest(b)} {
		b.Run(name, func(b *testing.B) {
			r := newRuntime(b, Options{CacheDir: compiled})
			s, err := r.prepare(b.Context(), engine.Service{Name: "s", Module: engine.DigestOf(wasm)}, fetch(wasm))
			require.NoError(b, err)
			defer s.Close()
			for b.Loop() {
				require.NoError(b, s.try(b.Context()))
			}
		})
	}
}
