package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/rest"
)

const plaintext = "hunter2-the-plaintext"

func withVault(t *testing.T) func(*engine.Options, *rest.Options) {
	t.Helper()
	return func(o *engine.Options, _ *rest.Options) {
		key, err := engine.NewVaultKey(make([]byte, 32))
		require.NoError(t, err)
		o.Vault = engine.NewVault(o.Store, []engine.VaultKey{key})
	}
}

func TestSecretSetListDelete(t *testing.T) {
	var vault *engine.Vault
	s := newSite(t, withVault(t), func(o *engine.Options, _ *rest.Options) { vault = o.Vault })
	value := func(name string) string {
		v, err := vault.Secret(t.Context(), name)
		require.NoError(t, err)
		return string(v)
	}
	set := credence(t, s.env(), plaintext, "secret", "set", "erp-token")
	require.Equal(t, exitDone, set.code, set.stderr)
	require.Equal(t, "erp-token", line(t, set.stdout, "name"))
	require.Equal(t, "admin", line(t, set.stdout, "updated by"))
	require.Empty(t, set.stderr)
	require.Equal(t, plaintext, value("erp-token"))

	pem := "-----BEGIN PRIVATE KEY-----\n" + plaintext + "\n-----END PRIVATE KEY-----\n"
	s.must(t, "secret", "set", "signing.key", "--from-file", file(t, "key.pem", pem))
	require.Equal(t, pem, value("signing.key"))
	echoed := credence(t, s.env(), plaintext+"\n", "secret", "set", "erp-token")
	require.Equal(t, exitDone, echoed.code)
	require.Contains(t, echoed.stderr, "ends in a line break")
	require.Equal(t, plaintext+"\n", value("erp-token"), "as it is")

	list := s.must(t, "secret", "list")
	require.Regexp(t, `(?m)^erp-token +\d+ .* admin$`, list)
	require.Len(t, s.get(t, "secret", "list")["items"], 2)
	for _, text := range []string{set.stdout, echoed.stdout, echoed.stderr, list, s.must(t, "secret", "list", "-o", "json")} {
		require.NotContains(t, text, plaintext)
	}
	require.Equal(t, "deleted secret erp-token\n", s.must(t, "secret", "delete", "erp-token"))
	s.refused(t, "not_found", "secret", "delete", "erp-token")
	s.refused(t, "invalid", "secret", "set", "empty")
	require.Equal(t, exitUsage, s.run(t, "secret", "set", "erp-token", plaintext).code, "no value in an argument")
	require.Equal(t, exitUsage, s.run(t, "secret", "set").code)
	require.Equal(t, exitFailed, s.run(t, "secret", "set", "x", "--from-file", "/does/not/exist").code)
}

func TestWithoutAKeySecretsAreRefused(t *testing.T) {
	r := credence(t, newSite(t).env(), "x", "secret", "set", "a")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "CREDENCE_SECRETS__KEY")
}

func TestANodeAloneMakesItsKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store := enginetest.NewMemoryStore()
	open := func(c config.Config) *engine.Engine {
		vault, err := openVault(c, store, nil)
		require.NoError(t, err)
		e := engine.New(engine.Options{Store: store, Vault: vault})
		t.Cleanup(e.Close)
		return e
	}
	alone := config.Config{DataDir: dir}
	_, _, err := open(alone).SetSecret(t.Context(), engine.Caller{}, "a", []byte("x"), 0)
	require.NoError(t, err)
	path := filepath.Join(dir, secretKeyFile)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no half a file stays")

	for name, c := range map[string]config.Config{
		"the next start":   alone,
		"of a cluster":     {Etcd: config.Etcd{Endpoints: []string{"a:1"}}, Secrets: config.Secrets{KeyFile: path}},
		"from a variable":  {Etcd: config.Etcd{Endpoints: []string{"a:1"}}, Secrets: config.Secrets{Key: config.Secret(read(t, path))}},
		"before the other": {DataDir: t.TempDir(), Secrets: config.Secrets{KeyFile: path}},
	} {
		vault, err := openVault(c, store, nil)
		require.NoError(t, err, name)
		got, err := vault.Secret(t.Context(), "a")
		require.NoError(t, err, name)
		require.Equal(t, "x", string(got))
	}
}

func TestKeysThatCannotBeUsedAreRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, secretKeyFile), nil, 0o600))
	for words, c := range map[string]config.Config{
		"no such file":       {Secrets: config.Secrets{KeyFile: "/does/not/exist"}},
		"secrets.key cannot": {Secrets: config.Secrets{Key: "hunter2"}},
		"there is no key":    {DataDir: dir},
		"line 2 is no key":   {Secrets: config.Secrets{KeyFile: file(t, "keys", base64.StdEncoding.EncodeToString(make([]byte, 32))+"\nhunter2\n")}},
		"32 random bytes":    {Secrets: config.Secrets{Key: config.Secret(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("h"), 16)))}},
		"secret.key-":        {DataDir: "/proc"},
	} {
		_, err := openVault(c, enginetest.NewMemoryStore(), nil)
		require.ErrorContains(t, err, words)
		require.NotContains(t, err.Error(), "hunter2")
	}
	r := credence(t, []string{"CREDENCE_SECRETS__KEY=hunter2"}, "", "config", "--config", file(t, "c.yaml", "secrets:\n  keyFile: x\n"))
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "secrets.keyFile")
	require.NotContains(t, r.stdout+r.stderr, "hunter2")
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}
