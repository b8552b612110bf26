package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// person is an operator with a key.
type person struct {
	name string
	key  ed25519.PrivateKey
}

func newPerson(t *testing.T, name string) person {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return person{name, key}
}

// config names the person with the DER form of the key, or the raw one.
func (p person) config(t *testing.T, raw bool) object {
	t.Helper()
	public := p.key.Public().(ed25519.PublicKey)
	key := []byte(public)
	if !raw {
		var err error
		key, err = x509.MarshalPKIXPublicKey(public)
		require.NoError(t, err)
	}
	return object{"name": p.name, "key": base64.StdEncoding.EncodeToString(key)}
}

// sign makes the body of an approval: of a device with this key, in an
// application by its path.
func (p person) sign(app, device, body string) string {
	statement := fmt.Sprintf("credence approval v1\napplication: %s\ncredentials: %s\nbody-sha256: %x\n",
		strings.TrimPrefix(app, "/v1/applications/"), device, sha256.Sum256([]byte(body)))
	return string(ed25519.Sign(p.key, []byte(statement)))
}

// detail verifies and returns the words of a service that refuses.
func (s *server) detail(app, id string) string {
	s.t.Helper()
	v := s.must(http.StatusOK, http.MethodPost, app+"/verify", object{"credentialsId": id})
	require.Equal(s.t, "DENIED_BY_SERVICE", v["reason"], v)
	return v["detail"].(string)
}

// The example in AssemblyScript: no one alone can admit a device.
func TestNothingIsUsableUntilTwoOperatorsHaveApproved(t *testing.T) {
	wasm := buildExample(t, "as-two-person")
	alice, bob, mallory := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "mallory")
	s := newServer(t)
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
	deploy := func(status int, config object) map[string]any {
		return s.must(status, http.MethodPut, "/v1/credentials-services/two-person", object{"module": digest, "config": config})
	}
	operators := []object{alice.config(t, false), bob.config(t, true)}
	for text, config := range map[string]object{
		"/operators has 0 operators, and 2 have to approve": {},
		"/operators has 1 operators, and 2 have to approve": {"operators": operators[:1]},
		"/operators/2 has the name or the key of bob":       {"operators": append(operators[:2:2], person{"carol", bob.key}.config(t, false))},
		"/operators/2/name has to have 1 to 32 letters":     {"operators": append(operators[:2:2], object{"name": "a:b", "key": operators[1]["key"]})},
		"/operators/1/key is no Ed25519 public key":         {"operators": []object{operators[0], {"name": "bob", "key": "AAAA"}}},
		"/approvals has to be from 2 to 8":                  {"approvals": 1, "operators": operators},
		"/approvals in the configuration is not a whole":    {"approvals": "2", "operators": operators},
	} {
		require.Contains(t, deploy(http.StatusBadRequest, config)["detail"], text)
	}
	deploy(http.StatusCreated, object{"operators": operators})
	app, other := s.app("vault", "two-person"), s.app("other", "two-person")

	const device, key = "SN-1", "a public key"
	approve := func(status int, by person) {
		t.Helper()
		s.provision(status, app, "approval:"+by.name+":"+device, by.sign(app, device, key))
	}
	approve(http.StatusConflict, alice) // not provisioned yet
	s.provision(http.StatusCreated, app, device, key)
	require.Equal(t, "SN-1 waits for approval: 0 of 2 operators so far", s.detail(app, device))

	approve(http.StatusCreated, alice)
	approve(http.StatusOK, alice)
	for name, attempt := range map[string]struct{ as, signature string }{
		"the first operator again, as the second":    {"bob", alice.sign(app, device, key)},
		"somebody who is no operator":                {"mallory", mallory.sign(app, device, key)},
		"somebody who is no operator, as the second": {"bob", mallory.sign(app, device, key)},
		"the second, for another device":             {"bob", bob.sign(app, "SN-2", key)},
		"the second, for another key":                {"bob", bob.sign(app, device, "another key")},
		"the second, for another application":        {"bob", bob.sign(other, device, key)},
		"no signature":                               {"bob", "yes"},
		"nothing":                                    {"bob", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s.provision(http.StatusForbidden, app, "approval:"+attempt.as+":"+device, attempt.signature)
			require.Equal(t, "SN-1 waits for approval: 1 of 2 operators so far, by alice", s.detail(app, device))
		})
	}
	for _, id := range []string{"approval:", "approval:bob", "approval::SN-1", "approval:bob:", "approval:bob:approval:alice:SN-1"} {
		s.provision(http.StatusBadRequest, app, id, bob.sign(app, device, key))
	}
	require.Contains(t, s.detail(app, "approval:alice:SN-1"), "an approval is no device")

	approve(http.StatusCreated, bob)
	decision, _ := s.verify(app, device)
	require.Equal(t, "ACCEPTED", decision)
	s.provision(http.StatusOK, app, device, key)
	s.provision(http.StatusConflict, app, device, "the key of somebody else")

	s.must(http.StatusOK, http.MethodPost, app+"/credentials/approval:alice:SN-1/revoke", nil)
	require.Eventually(t, func() bool { // the module hears of it after the answer
		decision, _ := s.verify(app, device)
		return decision == "REJECTED"
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, "SN-1 waits for approval: 1 of 2 operators so far, by bob", s.detail(app, device))
	approve(http.StatusConflict, alice) // withdrawn for good
}

// A key that is replaced before both have approved needs both again.
func TestAnApprovalIsForOneKeyOnly(t *testing.T) {
	wasm := buildExample(t, "as-two-person")
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	s := newServer(t)
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
	s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/two-person", object{
		"module": digest, "config": object{"operators": []object{alice.config(t, true), bob.config(t, true)}},
	})
	app := s.app("vault", "two-person")
	s.provision(http.StatusCreated, app, "SN-1", "old")
	s.provision(http.StatusCreated, app, "approval:alice:SN-1", alice.sign(app, "SN-1", "old"))
	s.provision(http.StatusOK, app, "SN-1", "new")
	require.Equal(t, "SN-1 waits for approval: 0 of 2 operators so far", s.detail(app, "SN-1"))
	s.provision(http.StatusForbidden, app, "approval:bob:SN-1", bob.sign(app, "SN-1", "old"))
	s.provision(http.StatusCreated, app, "approval:bob:SN-1", bob.sign(app, "SN-1", "new"))
	s.provision(http.StatusOK, app, "approval:alice:SN-1", alice.sign(app, "SN-1", "new"))
	decision, _ := s.verify(app, "SN-1")
	require.Equal(t, "ACCEPTED", decision)
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/SN-1/revoke", nil)
	_, reason := s.verify(app, "SN-1")
	require.Equal(t, "REVOKED", reason)
}
