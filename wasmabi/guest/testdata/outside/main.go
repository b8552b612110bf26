// Package main is a service that uses all that the SDK offers for one proof,
// which holds only if each function of the SDK is right.
package main

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/proof"
)

type service struct{}

func (service) Provide(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
	return in, c.KV().Put("body/"+in.ID, in.Body)
}

func (service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
	body, found, err := c.KV().Get("body/" + id)
	if err == nil && !found {
		err = guest.ErrNotFound
	}
	return guest.Credentials{ID: id, Body: body, Status: guest.Available}, err
}

func (service) VerifyProof(c *guest.Call, of guest.Credentials, p guest.Proof) error {
	if err := look(c, of.ID); err != nil {
		return err
	}
	kept, err := keep(c, p.Challenge)
	if err != nil {
		return err
	}
	told, err := ask(c, of.ID, p.Challenge)
	if err != nil {
		return err
	}
	if len(of.Body) < rsaKey {
		return guest.Fail(guest.InvalidArgument, "three keys are needed")
	}
	keys := of.Body
	sig, err := sign(c, keys, append(kept, told...))
	if err != nil {
		return err
	}
	valid, err := c.Crypto().Verify(guest.Ed25519, keys[:p256Key], sig, p.Value)
	if err != nil || valid {
		return err
	}
	return guest.Refuse("the proof does not hold")
}

// Where the keys begin that follow the one of Ed25519 in the credentials.
const (
	p256Key = 32
	rsaKey  = p256Key + 91
)

// look uses clock, randomness, deadline and log.
func look(c *guest.Call, id string) error {
	one, other := make([]byte, 16), make([]byte, 16)
	if err := c.Random(one); err != nil {
		return err
	}
	if err := c.Random(other); err != nil {
		return err
	}
	now, err := c.Now()
	if err != nil {
		return err
	}
	if bytes.Equal(one, other) || now.Year() < 2025 || c.Deadline() < time.Millisecond {
		return guest.Fail(guest.Internal, "randomness, clock or deadline is wrong")
	}
	if c.Log().DebugEnabled() {
		c.Log().Debug("judging " + id)
	}
	return nil
}

// keep uses the state, and returns the one key that is left with its value, twice.
func keep(c *guest.Call, value []byte) ([]byte, error) {
	for _, key := range []string{"seen/a", "seen/b", "seen/c"} {
		if err := c.KV().Put(key, value); err != nil {
			return nil, err
		}
	}
	if err := c.KV().Delete("seen/b"); err != nil {
		return nil, err
	}
	var kept []byte
	for e, err := range c.KV().Scan("seen/", "seen/a") {
		if err != nil {
			return nil, err
		}
		again, _, err := c.KV().Get(e.Key)
		if err != nil {
			return nil, err
		}
		kept = slices.Concat(kept, []byte(e.Key), e.Value, again)
	}
	return kept, nil
}

// ask uses configuration and HTTP, and returns a header and the body.
func ask(c *guest.Call, id string, body []byte) ([]byte, error) {
	quoted, _ := c.Config("/erp")
	digits, _ := c.Config("/patienceMs")
	erp, err := strconv.Unquote(string(quoted))
	if err != nil {
		return nil, err
	}
	patience, err := strconv.Atoi(string(digits))
	if err != nil {
		return nil, err
	}
	answer, err := c.HTTP().Do(guest.Request{
		Method: "POST", URL: erp + id, Body: body, Timeout: time.Duration(patience) * time.Millisecond,
		Headers: []guest.Header{{Name: "authorization", Value: "Bearer ", Secret: "erp-token"}, {Name: "x-application", Value: c.ApplicationID}},
	})
	if err != nil {
		return nil, err
	}
	if answer.Status != 201 {
		return nil, guest.Fail(guest.Unavailable, "the ERP answers with "+strconv.Itoa(answer.Status))
	}
	return append([]byte(answer.Header("x-nonce")), answer.Body...), nil
}

// sign uses secrets and cryptography.
func sign(c *guest.Call, keys, data []byte) ([]byte, error) {
	var digests []byte
	for _, hash := range []guest.Hash{guest.SHA1, guest.SHA256, guest.SHA384, guest.SHA512} {
		digest, err := c.Crypto().Hash(hash, data)
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest...)
	}
	inner, err := c.Crypto().Hmac(guest.SHA384, keys, digests)
	if err != nil {
		return nil, err
	}
	if err := holds(c, guest.HMAC(guest.SHA384), keys, digests, inner); err != nil {
		return nil, err
	}
	outer, err := c.Secrets().Hmac("shared", guest.SHA256, inner)
	if err != nil {
		return nil, err
	}
	for _, by := range []struct {
		secret    string
		signature guest.Signature
		key       []byte
	}{{"p256", guest.P256, keys[p256Key:rsaKey]}, {"rsa", guest.RSA, keys[rsaKey:]}} {
		sig, err := c.Secrets().Sign(by.secret, by.signature, outer)
		if err != nil {
			return nil, err
		}
		if err := holds(c, by.signature, by.key, outer, sig); err != nil {
			return nil, err
		}
	}
	return c.Secrets().Sign("ed25519", guest.Ed25519, outer)
}

// holds fails unless a signature is that of data.
func holds(c *guest.Call, signature guest.Signature, key, data, sig []byte) error {
	valid, err := c.Crypto().Verify(signature, key, data, sig)
	if err == nil && !valid {
		err = guest.Fail(guest.Internal, "a signature of the engine is not taken back")
	}
	return err
}

func init() { proof.Register(service{}) }

func main() {}
