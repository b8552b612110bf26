package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vendorToken is what the vendor of a device writes.
func vendorToken(key, id string, end time.Time) string {
	signed := fmt.Sprintf("%s|%d", id, end.Unix())
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "|" + hex.EncodeToString(mac.Sum(nil))
}

// The example in C: tokens of a vendor, judged with a secret that the module
// never sees, each taken once.
func TestTheVendorTokenIsJudged(t *testing.T) {
	wasm := buildExample(t, "c-vendor-token")
	s := newServer(t)
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
	deploy := func(status int, oneTime any) map[string]any {
		return s.must(status, http.MethodPut, "/v1/credentials-services/vendor", object{
			"module": digest, "config": object{"oneTime": oneTime, "maxLifetimeSeconds": 86400},
			"grants": object{"kv": object{}, "clock": object{}, "secrets": []string{"vendor-key", "vendor-key-previous"}},
		})
	}
	require.Contains(t, deploy(http.StatusBadRequest, "yes")["detail"], "oneTime must be true or false")
	deploy(http.StatusCreated, true)
	created := s.must(http.StatusCreated, http.MethodPost, "/v1/applications", object{
		"name": "plant", "credentialsService": "vendor", "proofPolicy": "required",
	})
	app := "/v1/applications/" + created["id"].(string)
	s.provision(http.StatusCreated, app, "SN-1", "")
	s.provision(http.StatusCreated, app, "SN-2", "")
	s.provision(http.StatusBadRequest, app, "SN|3", "")

	prove := func(status int, id, kind, token string) map[string]any {
		t.Helper()
		return s.must(status, http.MethodPost, app+"/verify", object{"credentialsId": id, "proof": object{"type": kind, "value": []byte(token)}})
	}
	accepted := func(id, token string) {
		t.Helper()
		require.Equal(t, "ACCEPTED", prove(http.StatusOK, id, "vendor-token", token)["decision"])
	}
	refused := func(id, token, why string) {
		t.Helper()
		v := prove(http.StatusOK, id, "vendor-token", token)
		require.Equal(t, "REJECTED", v["decision"])
		require.Equal(t, "BAD_PROOF", v["reason"])
		require.Contains(t, v["detail"], why)
	}
	now := time.Now()
	token := func(id string, valid time.Duration) string { return vendorToken("k1", id, now.Add(valid)) }

	missing, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{
		"credentialsId": "SN-1", "proof": object{"type": "vendor-token", "value": []byte(token("SN-1", time.Hour))},
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, missing.status, http.StatusInternalServerError, "%s", missing.body)
	require.Contains(t, string(missing.body), "the vendor's key is missing")

	s.must(http.StatusCreated, http.MethodPut, "/v1/secrets/vendor-key", object{"value": []byte("k1")})
	require.Eventually(t, func() bool { // a node may believe for a second that there is none
		a, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{
			"credentialsId": "SN-1", "proof": object{"type": "vendor-token", "value": []byte(token("SN-1", time.Minute))},
		})
		return err == nil && a.json["decision"] == "ACCEPTED"
	}, 20*time.Second, 50*time.Millisecond)
	refused("SN-1", token("SN-1", time.Minute), "was used before")
	refused("SN-1", token("SN-1", time.Second), "or a later one of the device, was used before")
	accepted("SN-1", token("SN-1", 2*time.Minute))
	_, reason := s.verify(app, "SN-1")
	require.Equal(t, "BAD_PROOF", reason, "a proof is required")

	good := token("SN-2", time.Hour)
	for bad, why := range map[string]string{
		token("SN-1", time.Hour):                  "another device's",
		token("SN-2", -time.Hour):                 "the token has ended",
		token("SN-2", 48*time.Hour):               "longer than any should be",
		vendorToken("k0", "SN-2", now):            "not that of the vendor",
		good[:len(good)-1] + "g":                  "a token is id|end|mac",
		good + "0":                                "a token is id|end|mac",
		strings.Replace(good, "|", "|1", 1):       "not that of the vendor",
		"SN-2|" + strings.Repeat("9", 30) + "|00": "a token is id|end|mac",
		"SN-2": "a token is id|end|mac",
		"SN-2|" + hex.EncodeToString([]byte{0xff}): "a token is id|end|mac",
	} {
		refused("SN-2", bad, why)
	}
	prove(http.StatusMethodNotAllowed, "SN-2", "password", "1234")
	accepted("SN-2", good)

	// The vendor changes its key; tokens under the one before go on for a while.
	s.must(http.StatusCreated, http.MethodPut, "/v1/secrets/vendor-key-previous", object{"value": []byte("k1")})
	s.must(http.StatusOK, http.MethodPut, "/v1/secrets/vendor-key", object{"value": []byte("k2")})
	step := time.Hour
	require.Eventually(t, func() bool {
		step += time.Second
		a, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{
			"credentialsId": "SN-2", "proof": object{"type": "vendor-token", "value": []byte(vendorToken("k2", "SN-2", now.Add(step)))},
		})
		return err == nil && a.json["decision"] == "ACCEPTED"
	}, 20*time.Second, 50*time.Millisecond)
	accepted("SN-2", token("SN-2", 2*time.Hour))

	s.must(http.StatusOK, http.MethodPost, app+"/credentials/SN-2/revoke", nil)
	require.Equal(t, "REVOKED", prove(http.StatusOK, "SN-2", "vendor-token", token("SN-2", 3*time.Hour))["reason"])
	require.NotContains(t, s.output(), good, "no token is in a log")
}
