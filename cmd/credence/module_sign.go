package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine"
)

// newModuleSignCommand needs no server, so that the private key can stay on a
// machine without a network. Its -o takes the place of the global one.
func newModuleSignCommand(w *world) *cobra.Command {
	var keyFile, outputFile string
	cmd := &cobra.Command{
		Use:   "sign FILE.wasm --key PRIVATE.pem",
		Short: "Sign a module; the signature is a file beside it",
		Long: "Sign a module with an Ed25519 key, for nodes that run signed modules only. The signature is a file beside the module, and covers all its bytes.\n\n" +
			"  openssl genpkey -algorithm ed25519 -out private.pem\n  openssl pkey -in private.pem -pubout -out public.pem     # for modules.signatures.keys",
		Args: takes("FILE.wasm"),
		RunE: func(_ *cobra.Command, args []string) error {
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			text, err := readInput(w, keyFile)
			if err != nil {
				return err
			}
			key, err := engine.ParsePrivateKey(text)
			if err != nil {
				return fmt.Errorf("%s: %w", keyFile, err)
			}
			if outputFile == "" {
				outputFile = args[0] + ".sig"
			}
			digest := engine.DigestOf(wasm)
			signature := engine.SignModule(key, digest)
			content, err := json.MarshalIndent(detached{Module: digest, Key: signature.Key, Signature: signature.Value}, "", "  ")
			if err != nil {
				return err
			}
			if err := replaceFile(outputFile, append(content, '\n')); err != nil {
				return fmt.Errorf("cannot write the signature: %w", err)
			}
			_, err = fmt.Fprintln(w.stdout, output.Clean(fmt.Sprintf("wrote %s: %s signed with the key %s", outputFile, digest, signature.Key)))
			return err
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the private key, PEM (required)")
	cmd.Flags().StringVarP(&outputFile, "output", "o", "", "`file` to write; without it, the module's name with .sig")
	requireFlag(cmd, "key")
	return cmd
}

func newModuleVerifyCommand(w *world) *cobra.Command {
	var keyFile, signatureFile string
	cmd := &cobra.Command{
		Use:   "verify FILE.wasm --key PUBLIC.pem",
		Short: "Say whether a signature is one of this module by this key: exit code 0 or 1",
		Args:  takes("FILE.wasm"),
		RunE: func(_ *cobra.Command, args []string) error {
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			text, err := readInput(w, keyFile)
			if err != nil {
				return err
			}
			key, err := engine.ParsePublicKey(text)
			if err != nil {
				return fmt.Errorf("%s: %w", keyFile, err)
			}
			if signatureFile == "" {
				signatureFile = args[0] + ".sig"
			}
			d, err := readSignature(w, signatureFile, wasm)
			if err != nil {
				return err
			}
			switch id := engine.SigningKeyIDOf(key); {
			case d.Key != id:
				return fmt.Errorf("the module is signed with the key %.40q: %s holds the key %s", string(d.Key), keyFile, id)
			case !(engine.Signature{Key: d.Key, Value: d.Signature}).SignedBy(key, d.Module):
				return errors.New("the signature does not hold: it was damaged or forged")
			}
			_, err = fmt.Fprintf(w.stdout, "the key %s signed %s\n", d.Key, d.Module)
			return err
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the public key, PEM or base64 (required)")
	cmd.Flags().StringVar(&signatureFile, "signature", "", "`file` with the signature; without it, the module's name with .sig")
	requireFlag(cmd, "key")
	return cmd
}
