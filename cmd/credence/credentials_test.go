package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/engine"
)

func newPlant(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.must(t, "app", "create", "plant", "--service", "Internal")
	return s
}

func TestProvisionRegistersThePublicKeyOfAFile(t *testing.T) {
	s := newPlant(t)
	keys := newKeys(t)
	sum := sha256.Sum256(keys.spki)
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	for name, content := range map[string][]byte{
		"public.pem": keys.publicPEM, "public.der": keys.spki, "certificate.pem": keys.certificatePEM, "certificate.der": keys.certificate,
	} {
		entry := s.get(t, "credentials", "provision", "--app", "plant", "--key-file", file(t, name, string(content)))
		require.Equal(t, want, entry["id"], name)
		require.Equal(t, base64.StdEncoding.EncodeToString(keys.spki), entry["body"], name)
	}
}

func TestProvisionTellsNewFromKnown(t *testing.T) {
	s := newPlant(t)
	args := []string{"credentials", "provision", "--app", "plant", "--body", "aGVsbG8=", "--id", "SN-1", "--label", "site=berlin", "--label", "line=7,8"}
	table := s.must(t, args...)
	require.Equal(t, "SN-1", line(t, table, "id"))
	require.Equal(t, "AVAILABLE", line(t, table, "status"))
	require.Equal(t, "5 bytes", line(t, table, "body"))
	require.Equal(t, "line=7,8,site=berlin", line(t, table, "labels"))
	require.NotContains(t, table, "note")
	require.Equal(t, "these credentials were there already", line(t, s.must(t, args...), "note"))
}

func TestProvisionTakesABodyFromAnywhere(t *testing.T) {
	s := newPlant(t)
	path := file(t, "body", "from a file")
	entry := s.get(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body-file", path)
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte("from a file")), entry["body"])

	r := credence(t, s.env(), "from stdin", "credentials", "provision", "--app", "plant", "--id", "b", "--body-file", "-", "-o", "json")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, base64.StdEncoding.EncodeToString([]byte("from stdin")))
}

func TestProvisionIsRefused(t *testing.T) {
	s := newPlant(t)
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AA==")
	s.refused(t, "conflict", "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AQ==")
	s.must(t, "credentials", "revoke", "--app", "plant", "a")
	require.Contains(t, s.refused(t, "conflict", "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AA=="), "revoked")

	for _, args := range [][]string{
		{"--body-file", "/does/not/exist"},
		{"--key-file", file(t, "private.pem", string(newKeys(t).privatePEM))},
		{"--key-file", file(t, "none", "no key")},
	} {
		r := s.run(t, append([]string{"credentials", "provision", "--app", "plant"}, args...)...)
		require.Equal(t, exitFailed, r.code, r.stderr)
		require.NotContains(t, r.stderr, "--help", "the command was used rightly")
	}
	r := s.run(t, "credentials", "provision", "--app", "nobody", "--body", "AA==")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, `no application named "nobody"`)
}

func TestIDsOfAnyTextSurvive(t *testing.T) {
	s := newPlant(t)
	for _, id := range []string{"a/b+c=", "-abc_", "..", ".", "größe 漢字", "%2F", "a?b#c&d", `"quoted"`, "range:SN-1..SN-2"} {
		t.Run(id, func(t *testing.T) {
			require.Equal(t, id, s.get(t, "credentials", "provision", "--app", "plant", "--body", "AA==", "--id="+id)["id"])
			get := s.run(t, "credentials", "get", "--app", "plant", "-o", "json", "--", id)
			require.Equal(t, exitDone, get.code, get.stderr)
			var entry map[string]any
			require.NoError(t, json.Unmarshal([]byte(get.stdout), &entry))
			require.Equal(t, id, entry["id"])
			revoke := s.run(t, "credentials", "revoke", "--app", "plant", "--wait", "enforced", "--", id)
			require.Equal(t, exitDone, revoke.code, revoke.stderr)
			require.Equal(t, "REVOKED", line(t, revoke.stdout, "status"))
			require.Equal(t, "ENFORCED", line(t, revoke.stdout, "enforcement"))
			receipt := s.run(t, "credentials", "enforcement", "--app", "plant", "--wait", "enforced", "--", id)
			require.Equal(t, exitDone, receipt.code, receipt.stderr)
			require.Equal(t, line(t, revoke.stdout, "enforced from"), line(t, receipt.stdout, "enforced from"))
		})
	}
}

func TestCredentialsListFilters(t *testing.T) {
	s := newPlant(t)
	for id, label := range map[string]string{"a": "site=berlin", "b": "site=paris", "c": "site=berlin"} {
		s.must(t, "credentials", "provision", "--app", "plant", "--id", id, "--body", "AA==", "--label", label)
	}
	s.must(t, "credentials", "revoke", "--app", "plant", "c")
	ids := func(args ...string) []any {
		var ids []any
		for _, item := range s.get(t, append([]string{"credentials", "list", "--app", "plant"}, args...)...)["items"].([]any) {
			ids = append(ids, item.(map[string]any)["id"])
		}
		return ids
	}
	require.ElementsMatch(t, []any{"a", "b", "c"}, ids())
	require.ElementsMatch(t, []any{"a", "c"}, ids("--label", "site=berlin"))
	require.ElementsMatch(t, []any{"c"}, ids("--label", "site=berlin", "--status", "REVOKED"))
	require.Len(t, ids("--limit", "2"), 2)
	s.refused(t, "invalid", "credentials", "list", "--app", "plant", "--status", "BROKEN")
	require.Regexp(t, `(?m)^b +AVAILABLE +- +site=paris +\d{4}-`, s.must(t, "credentials", "list", "--app", "plant"))
}

func TestCredentialsListReadsAllPages(t *testing.T) {
	s := newPlant(t)
	const many = 501 // more than the client asks for at a time
	app := s.get(t, "app", "get", "plant")["id"].(string)
	for i := range many {
		_, err := s.engine.Provision(t.Context(), engine.Caller{Tenant: engine.DefaultTenant}, engine.ApplicationID(app),
			engine.ProvisionRequest{ID: engine.CredentialsID(fmt.Sprint("SN-", i)), Body: []byte("x")})
		require.NoError(t, err)
	}
	ids := map[any]bool{}
	for _, item := range s.get(t, "credentials", "list", "--app", "plant")["items"].([]any) {
		ids[item.(map[string]any)["id"]] = true
	}
	require.Len(t, ids, many)
}

func TestCredentialsLabelChangesLabelsAndValidity(t *testing.T) {
	s := newPlant(t)
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AA==", "--label", "site=berlin")
	table := s.must(t, "credentials", "label", "--app", "plant", "a", "--label", "line=7", "--remove-label", "site",
		"--not-before", "2026-01-01T00:00:00Z", "--not-after", "2026-12-31T23:59:59+01:00")
	require.Equal(t, "line=7", line(t, table, "labels"))
	require.Equal(t, "2026-01-01T00:00:00Z", line(t, table, "not before"))
	require.Equal(t, "2026-12-31T22:59:59Z", line(t, table, "not after"))

	table = s.must(t, "credentials", "label", "--app", "plant", "a", "--not-before", "none")
	require.NotContains(t, table, "not before")
	require.Equal(t, "2026-12-31T22:59:59Z", line(t, table, "not after"), "what is not named stays")
	require.Equal(t, "line=7", line(t, table, "labels"))
	s.refused(t, "not_found", "credentials", "label", "--app", "plant", "nobody", "--label", "a=b")
}

func TestCredentialsGetRevokeRecheck(t *testing.T) {
	s := newPlant(t)
	s.refused(t, "not_found", "credentials", "get", "--app", "plant", "a")
	s.refused(t, "not_found", "credentials", "revoke", "--app", "plant", "a")
	s.refused(t, "not_found", "credentials", "recheck", "--app", "plant", "a")
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AA==")
	require.Equal(t, "AVAILABLE", line(t, s.must(t, "credentials", "recheck", "--app", "plant", "a"), "status"))
	s.refused(t, "invalid", "credentials", "revoke", "--app", "plant", "a", "--wait", "forever")
	require.Equal(t, "REVOKED", line(t, s.must(t, "credentials", "revoke", "--app", "plant", "a"), "status"))
	require.Equal(t, "REVOKED", line(t, s.must(t, "credentials", "revoke", "--app", "plant", "a"), "status"), "again changes nothing")
	require.Equal(t, "REVOKED", line(t, s.must(t, "credentials", "get", "--app", "plant", "a"), "status"))
}

func TestRegistrationBindGetDelete(t *testing.T) {
	s := newPlant(t)
	bind := []string{"registration", "bind", "--app", "plant", "a", "--profile-version", "3", "--profile"}
	s.refused(t, "not_found", append(bind, `{}`)...)
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body", "AA==")
	s.refused(t, "not_found", "registration", "get", "--app", "plant", "a")
	table := s.must(t, append(bind, "@"+file(t, "profile.json", `{"model": "x<1>"}`))...)
	require.Equal(t, "3", line(t, table, "profile version"))
	require.JSONEq(t, `{"model":"x<1>"}`, line(t, table, "profile"))
	require.NotContains(t, table, "endpoint", "nobody has connected yet")

	require.Equal(t, exitDone, s.run(t, "verify", "--app", "plant", "a", "--endpoint", "e-1").code)
	require.Equal(t, "e-1", s.get(t, "registration", "get", "--app", "plant", "a")["endpointId"])
	require.Equal(t, "deleted the registration of a\n", s.must(t, "registration", "delete", "--app", "plant", "a"))
	s.refused(t, "not_found", "registration", "get", "--app", "plant", "a")
}

func TestVerifyEndsWith0WhenAcceptedAnd1WhenRejected(t *testing.T) {
	s := newPlant(t)
	keys := newKeys(t)
	key, other := file(t, "key.pem", string(keys.publicPEM)), file(t, "other.pem", string(newKeys(t).publicPEM))
	id := s.get(t, "credentials", "provision", "--app", "plant", "--key-file", key)["id"].(string)
	verify := func(args ...string) result {
		return s.run(t, append(append([]string{"verify", "--app", "plant"}, args...), "--", id)...)
	}

	r := verify("--public-key-file", other)
	require.Equal(t, exitFailed, r.code)
	require.Equal(t, "KEY_MISMATCH", line(t, r.stdout, "reason"))
	require.Empty(t, r.stderr, "a refusal is an answer and no error")

	r = verify("--public-key-file", key, "--endpoint", "e-1", "--consistency", "strict")
	require.Equal(t, exitDone, r.code, r.stdout+r.stderr)
	require.Equal(t, "ACCEPTED", line(t, r.stdout, "decision"))
	require.Equal(t, "e-1", line(t, r.stdout, "endpoint"))
	require.Equal(t, "IN_USE", line(t, r.stdout, "status"))

	require.Equal(t, "IN_USE", line(t, verify("--endpoint", "e-2").stdout, "reason"))

	require.Equal(t, exitDone, s.run(t, "credentials", "revoke", "--app", "plant", "--", id).code)
	r = verify("--endpoint", "e-1", "-o", "json")
	require.Equal(t, exitFailed, r.code)
	var verdict client.Verdict
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &verdict))
	require.Equal(t, "REVOKED", verdict.Reason)

	s.refused(t, "invalid", "verify", "--app", "plant", "a", "--consistency", "eventual")
}
