package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestADecisionIsAnAnswerAndNotAnError(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	add := func(body string) string {
		return s.do("POST", app+"/credentials", `{"body":"`+body+`"}`).str("id")
	}
	good, claimed, revoked, expired := add("YQ=="), add("Yg=="), add("Yw=="), add("ZA==")
	require.Equal(t, 200, s.do("POST", app+"/credentials/"+revoked+"/revoke", "").status)
	require.Equal(t, 200, s.do("PATCH", app+"/credentials/"+expired, `{"validity":{"notAfter":"2020-01-01T00:00:00Z"}}`).status)
	require.Equal(t, "ACCEPTED", s.do("POST", app+"/verify", `{"credentialsId":"`+claimed+`","endpointId":"first"}`).str("decision"))
	for name, c := range map[string]struct{ body, decision, reason, consistency string }{
		"first time":      {`{"credentialsId":"` + good + `","publicKey":"YQ==","consistency":"bounded=100"}`, "ACCEPTED", "", "strict"},
		"same endpoint":   {`{"credentialsId":"` + claimed + `","endpointId":"first","consistency":"at-least=2"}`, "ACCEPTED", "", "at-least=2"},
		"other endpoint":  {`{"credentialsId":"` + claimed + `","endpointId":"second","consistency":"bounded=100"}`, "REJECTED", "IN_USE", "bounded=100"},
		"unknown":         {`{"credentialsId":"nobody"}`, "REJECTED", "NOT_FOUND", "strict"},
		"revoked":         {`{"credentialsId":"` + revoked + `","consistency":"strict"}`, "REJECTED", "REVOKED", "strict"},
		"expired":         {`{"credentialsId":"` + expired + `"}`, "REJECTED", "EXPIRED", "strict"},
		"wrong key":       {`{"credentialsId":"` + good + `","publicKey":"Yg=="}`, "REJECTED", "KEY_MISMATCH", "strict"},
		"key of no bytes": {`{"credentialsId":"` + good + `","publicKey":""}`, "REJECTED", "KEY_MISMATCH", "strict"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", app+"/verify", c.body)
			require.Equal(t, 200, a.status, a.text)
			require.Equal(t, c.decision, a.str("decision"))
			require.Equal(t, c.reason, a.str("reason"))
			require.Equal(t, c.consistency, a.str("consistency"))
			require.Equal(t, c.consistency, a.header.Get("X-Consistency"))
			require.NotZero(t, a.json["resourceVersion"])
			if c.decision == "ACCEPTED" {
				require.Equal(t, "IN_USE", a.json["credentials"].(map[string]any)["status"])
				require.NotEmpty(t, a.json["registration"].(map[string]any)["endpointId"])
			}
		})
	}
	scraped := s.do("GET", "/metrics", "", anonymous).text
	require.Contains(t, scraped, `credence_verify_decisions_total{decision="REJECTED",reason="REVOKED"} 1`)
	require.Contains(t, scraped, `credence_verify_decisions_total{decision="ACCEPTED",reason=""} 3`)
}

func TestAVerifyThatAsksNothingIsRefused(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	for name, c := range map[string]struct{ body, field, words string }{
		"no id":             {`{}`, "/credentialsId", "is empty"},
		"id a number":       {`{"credentialsId":1}`, "/credentialsId", "a string"},
		"proof of no type":  {`{"credentialsId":"a","proof":{"value":"YQ=="}}`, "/proof/type", "1 to 128 printable"},
		"proof odd type":    {`{"credentialsId":"a","proof":{"type":"a\u0007","value":"YQ=="}}`, "/proof/type", "1 to 128 printable"},
		"proof empty":       {`{"credentialsId":"a","proof":{"type":"t"}}`, "/proof/value", "is empty"},
		"proof not base64":  {`{"credentialsId":"a","proof":{"type":"t","value":"-"}}`, "/proof/value", "base64"},
		"proof unknown":     {`{"credentialsId":"a","proof":{"kind":"t"}}`, "/proof/kind", "no such member"},
		"no length":         {`{"credentialsId":"a","session":{}}`, "/session/ttlSeconds", "from 1 to 604800"},
		"an endless length": {`{"credentialsId":"a","session":{"ttlSeconds":9223372036854775807}}`, "/session/ttlSeconds", "from 1 to 604800"},
		"too long":          {`{"credentialsId":"a","session":{"ttlSeconds":86401}}`, "/session/ttlSeconds", "from 1 to 86400"},
		"no number":         {`{"credentialsId":"a","session":{"ttlSeconds":"1h"}}`, "/session/ttlSeconds", "an integer"},
		"key not base64":    {`{"credentialsId":"a","publicKey":"-"}`, "/publicKey", "base64"},
		"consistency":       {`{"credentialsId":"a","consistency":"soon"}`, "/consistency", "strict, bounded"},
		"bounded no ms":     {`{"credentialsId":"a","consistency":"bounded=x"}`, "/consistency", "strict, bounded"},
		"bounded too much":  {`{"credentialsId":"a","consistency":"bounded=3600001"}`, "/consistency", "strict, bounded"},
		"at least nothing":  {`{"credentialsId":"a","consistency":"at-least=0"}`, "/consistency", "strict, bounded"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do("POST", app+"/verify", c.body), 400, "invalid", c.field, c.words)
		})
	}
	refused(t, s.do("POST", "/v1/applications/none/verify", `{"credentialsId":"a"}`), 404, "not_found", "", "no application")
}

func TestWhenNoDecisionIsReachedTheAnswerIsAnError(t *testing.T) {
	s := start(t)
	for behaviour, c := range map[string]struct {
		status int
		code   string
		words  string
	}{
		"trap":        {503, "module_fault", "trapped"},
		"error":       {502, "module_fault", "failed"},
		"full":        {429, "exhausted", "too many"},
		"unsupported": {405, "unsupported", "does not do that"},
		"late":        {504, "deadline", "too slow"},
		"panic":       {500, "internal", "a defect"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s.deploy("svc-"+behaviour, behaviour, `{}`)
			app := s.app("svc-" + behaviour)
			a := s.do("POST", app+"/verify", `{"credentialsId":"x"}`)
			refused(t, a, c.status, c.code, "", c.words)
			require.Equal(t, c.status >= 500, a.str("incident") != "", "an incident for what is the server's fault")
			if c.status == 503 || c.status == 429 {
				require.Equal(t, "1", a.header.Get("Retry-After"))
			}
			require.NotContains(t, a.text, "secret-of-the-panic")
			if c.status >= 500 {
				require.Contains(t, s.log.String(), a.str("incident"))
			}
		})
	}
	require.Contains(t, s.log.String(), "secret-of-the-panic", "the log tells the cause")
	s.deploy("denier", "deny", `{}`)
	a := s.do("POST", s.app("denier")+"/verify", `{"credentialsId":"x"}`)
	require.Equal(t, "DENIED_BY_SERVICE", a.str("reason"), a.text)
	require.Equal(t, "not today", a.str("detail"))
}

func TestConsistencyIsReadToTheLetter(t *testing.T) {
	for text, want := range map[string]engine.Consistency{
		"":              engine.Strict,
		"strict":        engine.Strict,
		"bounded=0":     engine.Bounded(0),
		"bounded=250":   engine.Bounded(250 * time.Millisecond),
		"at-least=1234": engine.AtLeast(1234),
	} {
		got, err := parseConsistency(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAProofOfPossessionIsJudged(t *testing.T) {
	s := start(t)
	s.deploy("prover", "proof", `{}`)
	made := s.do("POST", "/v1/applications", `{"name":"a","credentialsService":"prover","proofPolicy":"required"}`)
	require.Equal(t, 201, made.status, made.text)
	require.Equal(t, "required", made.str("proofPolicy"))
	app := made.header.Get("Location")
	none := s.do("POST", app+"/verify", `{"credentialsId":"x"}`)
	require.Equal(t, 200, none.status, none.text)
	require.Equal(t, "REJECTED BAD_PROOF", none.str("decision")+" "+none.str("reason"))
	bad := s.do("POST", app+"/verify", `{"credentialsId":"x","proof":{"type":"echo","challenge":"YQ==","value":"Yg=="}}`)
	require.Equal(t, "REJECTED BAD_PROOF no echo", bad.str("decision")+" "+bad.str("reason")+" "+bad.str("detail"), bad.text)
	good := s.do("POST", app+"/verify", `{"credentialsId":"x","proof":{"type":"echo","challenge":"YQ==","value":"YQ=="}}`)
	require.Equal(t, "ACCEPTED", good.str("decision"), good.text)

	require.Equal(t, "gateway", s.do("PATCH", app, `{"proofPolicy":null}`).str("proofPolicy"))
	require.Equal(t, "ACCEPTED", s.do("POST", app+"/verify", `{"credentialsId":"x"}`).str("decision"))
	refused(t, s.do("PATCH", app, `{"proofPolicy":"maybe"}`), 400, "invalid", "/proofPolicy", "use \"gateway\" or \"required\"")
	refused(t, s.do("PATCH", app, `{"proofPolicy":"required","credentialsService":"Trustful"}`), 400, "invalid", "/proofPolicy", "judges proofs")

	plain := s.app("Trustful")
	require.Equal(t, "gateway", s.do("GET", plain, "").str("proofPolicy"))
	refused(t, s.do("POST", plain+"/verify", `{"credentialsId":"x","proof":{"type":"echo","value":"YQ=="}}`), 405, "unsupported", "/proof", "judges no proofs")
	require.Equal(t, "ACCEPTED", s.do("POST", plain+"/verify", `{"credentialsId":"x","endpointId":"other"}`).str("decision"), "a proof that was not judged claimed nothing")
}
