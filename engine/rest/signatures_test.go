package rest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestASignatureIsUploadedBesideItsModule(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	s := startWith(t, engine.SignaturePolicy{Mode: engine.SignaturesRequired, Keys: []engine.TrustedKey{{Name: "release", Key: public}}})
	digest := s.upload("ok")
	other := s.upload("other")
	path := "/v1/modules/" + digest
	require.Equal(t, map[string]any{"state": "UNSIGNED", "detail": "it is not signed"}, s.do("GET", path, "").json["signature"])
	deploy := fmt.Sprintf(`{"module":%q}`, digest)
	refused(t, s.do("PUT", "/v1/credentials-services/x", deploy), 409, "conflict", "/module", "signed modules only")

	good := engine.SignModule(key, engine.Digest(digest))
	body := func(s engine.Signature) string {
		return `{"signature":"` + base64.StdEncoding.EncodeToString(s.Value) + `"}`
	}
	place := path + "/signatures/" + string(good.Key)
	refused(t, s.do("PUT", place, body(engine.SignModule(key, engine.Digest(other)))), 400, "invalid", "/signature", "does not fit this module")
	refused(t, s.do("PUT", path+"/signatures/release", body(good)), 400, "invalid", "/key", "16 lower-case")
	refused(t, s.do("PUT", place, `{"signature":"YQ=="}`), 400, "invalid", "/signature", "has 1 bytes")
	refused(t, s.do("PUT", place, `{}`), 400, "invalid", "/signature", "has 0 bytes")
	refused(t, s.do("PUT", "/v1/modules/latest/signatures/"+string(good.Key), body(good)), 400, "invalid", "digest", "no module digest")
	missing := engine.DigestOf(nil)
	refused(t, s.do("PUT", "/v1/modules/"+string(missing)+"/signatures/"+string(good.Key), body(engine.SignModule(key, missing))), 404, "not_found", "", "no module")

	signed := s.do("PUT", place, body(good))
	require.Equal(t, 200, signed.status, signed.text)
	require.Equal(t, map[string]any{"state": "SIGNED", "key": "release"}, signed.json["signature"])
	require.Equal(t, signed.text, s.do("PUT", place, body(good)).text, "the same again changes nothing")
	require.Equal(t, signed.text, s.do("GET", path, "").text)
	beside := signed.json["signatures"].([]any)[0].(map[string]any)
	require.Equal(t, string(good.Key), beside["key"])
	require.Equal(t, base64.StdEncoding.EncodeToString(good.Value), beside["signature"])
	require.Equal(t, 201, s.do("PUT", "/v1/credentials-services/x", deploy).status)

	require.Equal(t, 204, s.do("DELETE", place, "").status)
	refused(t, s.do("DELETE", place, ""), 404, "not_found", "", "no signature")
	require.Empty(t, s.do("GET", path, "").json["signatures"])
	stranger := engine.SignModule(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), engine.Digest(digest))
	invalid := s.do("PUT", path+"/signatures/"+string(stranger.Key), body(stranger))
	require.Equal(t, 200, invalid.status, invalid.text)
	require.Equal(t, "INVALID", invalid.json["signature"].(map[string]any)["state"])
	refused(t, s.do("PUT", "/v1/credentials-services/y", deploy), 409, "conflict", "/module", "does not trust")
}
