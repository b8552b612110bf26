package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore"
)

func TestTheOptionsOfAMemberComeFromTextOrFiles(t *testing.T) {
	secret := file(t, "secret", "the secret of a cluster of the tests\n")
	c, err := config.Load(config.Options{Environ: []string{
		"CREDENCE_CLUSTER__ENABLED=true", "CREDENCE_CLUSTER__SECRET=@" + secret, "CREDENCE_NODE__ID=pod-1",
		"CREDENCE_CLUSTER__MEMBERS=pod-0=a:1,pod-1=b:2", "CREDENCE_CLUSTER__ADVERTISE=b",
	}})
	require.NoError(t, err)
	o, err := clusterOptions(c)
	require.NoError(t, err)
	require.Equal(t, &etcdstore.Cluster{
		Fallback: "pod-1", Secret: "the secret of a cluster of the tests", Advertise: "b",
		Members: []etcdstore.Member{{Name: "pod-0", Address: "a:1"}, {Name: "pod-1", Address: "b:2"}},
	}, o)
	require.Equal(t, engine.NodeID("pod-1"), nodeID(c, "member"))
	c.Node.ID = ""
	require.Equal(t, engine.NodeID("member"), nodeID(c, "member"))

	for words, broken := range map[string]config.Cluster{
		"cluster.secret: open /does/not/exist": {Enabled: true, Secret: "@/does/not/exist"},
		"is empty":                             {Enabled: true, Join: config.Secret("@" + file(t, "token", "\n"))},
		"start with --cluster":                 {Name: "n0"},
	} {
		_, err := clusterOptions(config.Config{Cluster: broken})
		require.ErrorContains(t, err, words)
	}
	o, err = clusterOptions(config.Config{})
	require.NoError(t, err)
	require.Nil(t, o, "without --cluster a server stands alone")
	c.Etcd.Endpoints = []string{"unix:///run/etcd.sock"}
	o, err = clusterOptions(c)
	require.NoError(t, err)
	require.Nil(t, o, "who speaks to a member is none")
}

func TestTheSecretOfAClusterIsNotShown(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	env := []string{"CREDENCE_CLUSTER__SECRET=" + secret, "CREDENCE_CLUSTER__JOIN=" + secret + "-token"}
	r := credence(t, env, "", "config", "--cluster")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, "  secret: '********'\n")
	require.Contains(t, r.stdout, "  join: '********'\n")
	require.NotContains(t, r.stdout, secret)
}

func TestCommandsForAClusterSayWhereToRunThem(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"members"}, {"token"}, {"remove", "n0"}} {
		r := credence(t, []string{"CREDENCE_CLUSTER__SECRET=0123456789abcdef0123456789abcdef"}, "", append(append([]string{"cluster"}, args...), "--data-dir", dir)...)
		require.Equal(t, exitFailed, r.code)
		require.Contains(t, r.stderr, dir+" is not that of a member of a cluster")
	}
}

// What a server that stood alone has encrypted can be read by the member that
// it becomes; what members encrypt, by all of them.
func TestMembersShareTheKeyForSecrets(t *testing.T) {
	store := enginetest.NewMemoryStore()
	set := func(c config.Config, shared func(string, int) []byte, name string) {
		vault, err := openVault(c, store, shared)
		require.NoError(t, err)
		e := engine.New(engine.Options{Store: store, Vault: vault})
		defer e.Close()
		_, _, err = e.SetSecret(t.Context(), engine.Caller{}, engine.SecretName(name), []byte("value of "+name), 0)
		require.NoError(t, err)
	}
	first := config.Config{DataDir: t.TempDir()}
	set(first, nil, "alone")
	shared := func(purpose string, size int) []byte { return bytes.Repeat([]byte(purpose[:1]), size) }
	first.Cluster.Enabled = true
	second := config.Config{DataDir: t.TempDir(), Cluster: config.Cluster{Enabled: true}}
	set(second, shared, "together")
	vault, err := openVault(first, store, shared)
	require.NoError(t, err)
	for _, name := range []string{"alone", "together"} {
		value, err := vault.Secret(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "value of "+name, string(value))
	}
	_, err = os.Stat(filepath.Join(second.DataDir, secretKeyFile))
	require.ErrorIs(t, err, os.ErrNotExist)
}
