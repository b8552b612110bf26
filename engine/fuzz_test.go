package engine_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// Any id is either refused as invalid or kept to the byte.
func FuzzIDsAreRefusedOrKept(f *testing.F) {
	for _, seed := range []string{"", "a", "a/b+c==", "../../cred", "ключ", "\xff", "a\x00b", "%2F", "\n"} {
		f.Add(seed, "token")
	}
	e := engine.New(engine.Options{Store: enginetest.NewMemoryStore(), Builtins: builtin.Services()})
	app, err := e.CreateApplication(f.Context(), admin, engine.ApplicationSpec{Name: "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, token string) {
		v, err := e.Verify(t.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: engine.CredentialsID(id)})
		valid := id != "" && len(id) <= engine.MaxIDBytes && utf8.ValidString(id) && !containsNUL(id)
		if valid != (err == nil && v.Accepted) {
			t.Fatalf("%q: valid %v, %v %v", id, valid, v, err)
		}
		if !valid && engine.CodeOf(err) != engine.CodeInvalid {
			t.Fatalf("%q: %v", id, err)
		}
		if valid && string(v.Credentials.ID) != id {
			t.Fatalf("%q became %q", id, v.Credentials.ID)
		}
		_, err = e.CredentialsOf(t.Context(), admin, app.ID, engine.ListOptions{PageToken: token})
		if err != nil && !errors.Is(err, engine.ErrCompacted) && engine.CodeOf(err) != engine.CodeInvalid && engine.CodeOf(err) != engine.CodeUnavailable {
			t.Fatalf("page token %q: %v", token, err)
		}
		if _, err := engine.ParseDigest(id); err == nil && len(id) != 71 {
			t.Fatalf("%q passed for a digest", id)
		}
	})
}

func containsNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}
