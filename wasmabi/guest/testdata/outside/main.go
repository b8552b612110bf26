// Package main is a service that judges proofs, with all that the SDK offers
// for it: an external system, secrets and cryptography.
package main

import (
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/proof"
)

type service struct{}

func (service) Lookup(_ *guest.Call, id string) (guest.Credentials, error) {
	return guest.Credentials{ID: id, Status: guest.Available}, nil
}

func (service) VerifyProof(c *guest.Call, of guest.Credentials, p guest.Proof) error {
	answer, err := c.HTTP().Do(guest.Request{
		URL: "https://erp.example.com/devices/" + of.ID, Headers: []guest.Header{{Name: "authorization", Value: "Bearer ", Secret: "erp-token"}},
	})
	if err != nil {
		return err
	}
	digest, err := c.Crypto().Hash(guest.SHA256, answer.Body)
	if err != nil {
		return err
	}
	inner, err := c.Crypto().Hmac(guest.SHA256, of.Body, digest)
	if err != nil {
		return err
	}
	outer, err := c.Secrets().Hmac("shared", guest.SHA256, inner)
	if err != nil {
		return err
	}
	sig, err := c.Secrets().Sign("signer", guest.Ed25519, outer)
	if err != nil {
		return err
	}
	valid, err := c.Crypto().Verify(guest.Ed25519, of.Body, sig, p.Value)
	if err != nil || valid {
		return err
	}
	return guest.Refuse("the proof does not hold")
}

func init() { proof.Register(service{}) }

func main() {}
