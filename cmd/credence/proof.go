package main

import (
	"encoding/base64"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// proofFlags are what a verification takes of a proof of possession.
type proofFlags struct{ kind, value, file, challenge string }

// bind defines the flags in a command.
func (f *proofFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kind, "proof-type", "", "`type` of the proof of possession, as the credentials service names it")
	cmd.Flags().StringVar(&f.file, "proof-file", "", "`file` with the proof as the endpoint gave it; - is the standard input")
	cmd.Flags().StringVar(&f.value, "proof", "", "the proof in `base64`, in the place of --proof-file; other users of this machine can see it")
	cmd.Flags().StringVar(&f.challenge, "challenge", "", "what the endpoint was asked to answer, in `base64`")
	cmd.MarkFlagsMutuallyExclusive("proof", "proof-file")
}

// read returns the proof, or nil when no flag names one.
func (f *proofFlags) read(w *world) (*client.Proof, error) {
	if *f == (proofFlags{}) {
		return nil, nil //nolint:nilnil // there is none
	}
	if f.kind == "" || f.value == "" && f.file == "" {
		return nil, usagef("a proof takes --proof-type and one of --proof-file and --proof")
	}
	proof := &client.Proof{Type: f.kind}
	var err error
	if proof.Challenge, err = base64.StdEncoding.DecodeString(f.challenge); err != nil {
		return nil, usagef("--challenge is no standard base64 with padding")
	}
	if f.file != "" {
		proof.Value, err = readInput(w, f.file)
		return proof, err
	}
	if proof.Value, err = base64.StdEncoding.DecodeString(f.value); err != nil {
		return nil, usagef("--proof is no standard base64 with padding")
	}
	return proof, nil
}
