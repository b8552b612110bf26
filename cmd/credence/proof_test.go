package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
)

// echoRuntime runs one service, whatever the module: it knows every id, and
// takes a proof for good that repeats the challenge.
type echoRuntime struct{}

func (echoRuntime) Inspect(context.Context, []byte) (engine.Module, error) {
	return engine.Module{ABI: 1}, nil
}

func (echoRuntime) Start(context.Context, engine.Service, func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	return echoService{}, nil
}

type echoService struct{ engine.CredentialsService }

func (echoService) Lookup(_ context.Context, _ *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	return engine.Credentials{ID: id, Status: engine.Available}, nil
}

func (echoService) MarkInUse(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}

func (echoService) VerifyProof(_ context.Context, _ *engine.Tx, _ *engine.Application, _ engine.Credentials, p engine.Proof) error {
	if p.Type != "echo" || !bytes.Equal(p.Challenge, p.Value) {
		return engine.Errorf(engine.CodeDenied, "no echo")
	}
	return nil
}

func (echoService) Close() {}

func TestVerifyBringsAProof(t *testing.T) {
	s := newSite(t, func(o *engine.Options, _ *rest.Options) { o.Runtime = echoRuntime{} })
	digest := line(t, s.must(t, "module", "upload", file(t, "any.wasm", "any")), "digest")
	s.must(t, "service", "deploy", "echo", "--module", digest)
	require.Equal(t, "required", s.get(t, "app", "create", "plant", "--service", "echo", "--proof-policy", "required")["proofPolicy"])
	verify := func(stdin string, args ...string) result {
		return credence(t, s.env(), stdin, append([]string{"verify", "--app", "plant", "id"}, args...)...)
	}
	none := verify("")
	require.Equal(t, exitFailed, none.code)
	require.Equal(t, "BAD_PROOF", line(t, none.stdout, "reason"))
	bad := verify("", "--proof-type", "echo", "--proof", "Yg==", "--challenge", "YQ==")
	require.Equal(t, "no echo", line(t, bad.stdout, "detail"))
	for _, good := range []result{
		verify("", "--proof-type", "echo", "--proof", "YQ==", "--challenge", "YQ=="),
		verify("", "--proof-type", "echo", "--proof-file", file(t, "proof", "a"), "--challenge", "YQ=="),
		verify("a", "--proof-type", "echo", "--proof-file", "-", "--challenge", "YQ=="),
	} {
		require.Equal(t, exitDone, good.code, good.stdout+good.stderr)
		require.Equal(t, "ACCEPTED", line(t, good.stdout, "decision"))
	}
	require.Equal(t, "gateway", line(t, s.must(t, "app", "update", "plant", "--proof-policy", "gateway"), "proof policy"))
	require.Equal(t, exitDone, verify("").code)

	s.must(t, "app", "update", "plant", "--service", "Trustful")
	require.Contains(t, s.refused(t, "unsupported", "verify", "--app", "plant", "id", "--proof-type", "echo", "--proof", "YQ=="), "judges no proofs")
	require.Contains(t, s.refused(t, "invalid", "app", "update", "plant", "--proof-policy", "required"), "judges proofs")
	for _, wrong := range [][]string{
		{"--proof-type", "echo"},
		{"--proof", "YQ=="},
		{"--challenge", "YQ=="},
		{"--proof-type", "echo", "--proof", "-"},
		{"--proof-type", "echo", "--proof", "YQ==", "--challenge", "-"},
		{"--proof-type", "echo", "--proof", "YQ==", "--proof-file", "x"},
	} {
		require.Equal(t, exitUsage, verify("", wrong...).code, wrong)
	}
	require.Equal(t, exitFailed, verify("", "--proof-type", "echo", "--proof-file", "/does/not/exist").code)
}
