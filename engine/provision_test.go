package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestProvisioningTheSameAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	request := engine.ProvisionRequest{Body: []byte("key"), Labels: map[string]string{"site": "berlin"}}
	first, err := w.Provision(t.Context(), admin, app, request)
	require.NoError(t, err)
	require.True(t, first.Created)
	require.Equal(t, engine.Available, first.Credentials.Status)
	require.True(t, w.verify(app, first.Credentials.ID, "ep").Accepted)

	again, err := w.Provision(t.Context(), admin, app, request)
	require.NoError(t, err)
	require.False(t, again.Created)
	require.Equal(t, engine.InUse, again.Credentials.Status, "Kaa 0.10 made it AVAILABLE again")
	require.Equal(t, "berlin", again.Credentials.Labels["site"])
	require.True(t, w.verify(app, first.Credentials.ID, "ep").Accepted)
}

func TestProvisionRefuses(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	known := w.provision(app, "key")
	revoked := w.provision(app, "revoked")
	_, err := w.Revoke(t.Context(), admin, app, revoked)
	require.NoError(t, err)
	labels := map[string]string{}
	for i := range 33 {
		labels[fmt.Sprint(i)] = "x"
	}
	for name, test := range map[string]struct {
		app     engine.ApplicationID
		request engine.ProvisionRequest
		code    engine.Code
	}{
		"an unknown application":         {"none", engine.ProvisionRequest{Body: []byte("x")}, engine.CodeNotFound},
		"neither id nor body":            {app, engine.ProvisionRequest{}, engine.CodeInvalid},
		"a body over the limit":          {app, engine.ProvisionRequest{Body: make([]byte, engine.MaxBodyBytes+1)}, engine.CodeTooLarge},
		"another body under a known id":  {app, engine.ProvisionRequest{ID: known, Body: []byte("other")}, engine.CodeConflict},
		"a revoked body":                 {app, engine.ProvisionRequest{Body: []byte("revoked")}, engine.CodeConflict},
		"an id that is not UTF-8":        {app, engine.ProvisionRequest{ID: "\xff", Body: []byte("x")}, engine.CodeInvalid},
		"too many labels":                {app, engine.ProvisionRequest{Body: []byte("x"), Labels: labels}, engine.CodeInvalid},
		"a label's key with equals sign": {app, engine.ProvisionRequest{Body: []byte("x"), Labels: map[string]string{"a=b": ""}}, engine.CodeInvalid},
		"a label's value too long":       {app, engine.ProvisionRequest{Body: []byte("x"), Labels: map[string]string{"a": strings.Repeat("x", 257)}}, engine.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Provision(t.Context(), admin, test.app, test.request)
			requireCode(t, test.code, err)
		})
	}
}

func TestACustomServicesAnswerToProvideIsChecked(t *testing.T) {
	answer := func(change func(*engine.Credentials)) *script {
		return &script{lookup: always(engine.Available), provide: func(_ *engine.Tx, c engine.Credentials) (engine.Credentials, error) {
			change(&c)
			return c, nil
		}}
	}
	for name, test := range map[string]struct {
		script *script
		code   engine.Code
	}{
		"as given":      {answer(func(*engine.Credentials) {}), ""},
		"another id":    {answer(func(c *engine.Credentials) { c.ID = "x" }), engine.CodeModuleFault},
		"another body":  {answer(func(c *engine.Credentials) { c.Body = []byte("x") }), engine.CodeModuleFault},
		"no status":     {answer(func(c *engine.Credentials) { c.Status = "" }), engine.CodeModuleFault},
		"revoked there": {answer(func(c *engine.Credentials) { c.Status = engine.Revoked }), engine.CodeConflict},
		"unsupported":   {&script{lookup: always(engine.Available)}, engine.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy("NEW", test.script)
			app := w.app("NEW")
			_, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("key")})
			if test.code == "" {
				require.NoError(t, err)
				return
			}
			requireCode(t, test.code, err)
			list, err := w.CredentialsOf(t.Context(), admin, app, engine.ListOptions{})
			require.NoError(t, err)
			require.Empty(t, list.Items, "a refused provision left a record")
		})
	}
}

// A custom service may take another body under a known id.
func TestACustomServiceMayChangeABody(t *testing.T) {
	w := newWorld(t)
	w.deploy("NEW", &script{lookup: always(engine.Available), provide: func(_ *engine.Tx, c engine.Credentials) (engine.Credentials, error) {
		return c, nil
	}})
	app := w.app("NEW")
	for i, created := range []bool{true, false} {
		out, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: "range", Body: []byte(fmt.Sprint(i))})
		require.NoError(t, err)
		require.Equal(t, created, out.Created)
		require.Equal(t, fmt.Sprint(i), string(out.Credentials.Body))
	}
}

func TestListingPagesShowOneRevision(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	want := map[engine.CredentialsID]bool{}
	for i := range 25 {
		want[w.provision(app, fmt.Sprint("key", i))] = true
	}
	options := engine.ListOptions{PageSize: 10}
	got := map[engine.CredentialsID]bool{}
	for page := 0; ; page++ {
		list, err := w.CredentialsOf(t.Context(), admin, app, options)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), 10)
		for _, c := range list.Items {
			require.False(t, got[c.ID], "twice: %s", c.ID)
			got[c.ID] = true
			require.Equal(t, engine.Available, c.Status, "the listing shows a later state")
		}
		if list.NextPageToken == "" {
			require.Equal(t, 2, page)
			break
		}
		options.PageToken = list.NextPageToken
		w.provision(app, fmt.Sprint("late", page))
		for id := range want {
			_, err := w.Revoke(t.Context(), admin, app, id)
			require.NoError(t, err)
		}
	}
	require.Equal(t, want, got)
}

func TestListingFilters(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	for i, site := range []string{"berlin", "paris", "berlin"} {
		_, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{ID: engine.CredentialsID(fmt.Sprint("id", i)), Labels: map[string]string{"site": site}})
		require.NoError(t, err)
	}
	_, err := w.Revoke(t.Context(), admin, app, "id0")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		filters []engine.Filter
		want    []engine.CredentialsID
	}{
		"status":           {[]engine.Filter{{Field: "status", Value: "REVOKED"}}, []engine.CredentialsID{"id0"}},
		"label":            {[]engine.Filter{{Field: "label", Value: "site=berlin"}}, []engine.CredentialsID{"id0", "id2"}},
		"label's key only": {[]engine.Filter{{Field: "label", Value: "site"}}, []engine.CredentialsID{"id0", "id1", "id2"}},
		"both":             {[]engine.Filter{{Field: "status", Value: "AVAILABLE"}, {Field: "label", Value: "site=berlin"}}, []engine.CredentialsID{"id2"}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := w.CredentialsOf(t.Context(), admin, app, engine.ListOptions{Filters: test.filters})
			require.NoError(t, err)
			var ids []engine.CredentialsID
			for _, c := range list.Items {
				ids = append(ids, c.ID)
			}
			require.ElementsMatch(t, test.want, ids)
		})
	}
	for _, bad := range []engine.ListOptions{
		{Filters: []engine.Filter{{Field: "color", Value: "red"}}},
		{Filters: []engine.Filter{{Field: "status", Value: "BROKEN"}}},
		{PageSize: -1},
		{PageSize: engine.MaxPageSize + 1},
		{PageToken: "!"},
		{PageToken: "AAAA"},
	} {
		_, err := w.CredentialsOf(t.Context(), admin, app, bad)
		requireCode(t, engine.CodeInvalid, err)
	}
}

func TestPatchesOfCredentials(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	text := func(s string) *string { return &s }
	c, err := w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{Labels: map[string]*string{"a": text("1"), "b": text("2")}}, 0)
	require.NoError(t, err)
	stale := c.Version
	c, err = w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{Labels: map[string]*string{"a": nil}}, stale)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "2"}, c.Labels)
	_, err = w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{}, stale)
	requireCode(t, engine.CodeStale, err)
	_, err = w.UpdateCredentials(t.Context(), admin, app, "unknown", engine.CredentialsPatch{}, 0)
	requireCode(t, engine.CodeNotFound, err)
	early, late := w.now, w.now.Add(1)
	_, err = w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{NotBefore: &late, NotAfter: &early}, 0)
	requireCode(t, engine.CodeInvalid, err)
	got, err := w.Credentials(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, c, got)
}
