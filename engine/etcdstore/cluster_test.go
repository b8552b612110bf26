package etcdstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestExternalStorePassesTheSuite(t *testing.T) {
	c := startCluster(t, nil)
	var n atomic.Int32
	enginetest.StoreSuite(t, func(t *testing.T) func() engine.Store {
		prefix := fmt.Sprintf("/test/%d/", n.Add(1))
		return func() engine.Store {
			return expiring{open(t, Options{Endpoints: []string{c.addr}, Prefix: prefix})}
		}
	})
}

func TestStoresOfDifferentPrefixesDoNotMeet(t *testing.T) {
	c := startCluster(t, nil)
	a := open(t, Options{Endpoints: []string{c.addr}, Prefix: "/a/"})
	ab := open(t, Options{Endpoints: []string{c.addr}, Prefix: "/a/b/"})
	_, err := ab.Commit(t.Context(), put("k", "deep"))
	require.NoError(t, err)
	start, err := a.Revision(t.Context())
	require.NoError(t, err)
	_, err = a.Commit(t.Context(), put("k", "shallow"))
	require.NoError(t, err)
	require.Equal(t, "deep", valueOf(t, ab, "k"))
	require.Equal(t, "shallow", valueOf(t, a, "k"))
	page, err := ab.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Records, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for changes, err := range ab.Watch(ctx, "", start) {
		t.Fatalf("told of %v, %v", changes, err)
	}
}

func TestExternalStoreWithTLSAndAUser(t *testing.T) {
	certs := makeCertificates(t)
	c := startCluster(t, certs)
	files := TLSFiles{CAFile: certs.file("ca.crt"), CertFile: certs.file("client.crt"), KeyFile: certs.file("client.key")}
	tls, err := files.Config()
	require.NoError(t, err)
	admin, err := clientv3.New(clientv3.Config{Endpoints: []string{c.addr}, TLS: tls, Logger: zap.NewNop()})
	require.NoError(t, err)
	defer func() { admin.Close() }()
	ctx := t.Context()
	for _, step := range []func() error{
		func() error { _, err := admin.UserAdd(ctx, "root", "rootpass"); return err },
		func() error { _, err := admin.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := admin.RoleAdd(ctx, "credence"); return err },
		func() error {
			_, err := admin.RoleGrantPermission(ctx, "credence", "/mine/", clientv3.GetPrefixRangeEnd("/mine/"),
				clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := admin.UserAdd(ctx, "node", "secret"); return err },
		func() error { _, err := admin.UserGrantRole(ctx, "node", "credence"); return err },
		func() error { _, err := admin.AuthEnable(ctx); return err },
	} {
		require.NoError(t, step())
	}
	require.NoError(t, admin.Close())
	admin, err = clientv3.New(clientv3.Config{
		Endpoints: []string{c.addr}, TLS: tls, Logger: zap.NewNop(), Username: "root", Password: "rootpass",
	})
	require.NoError(t, err)
	good := Options{Endpoints: []string{c.addr}, TLS: tls, Username: "node", Password: "secret", Prefix: "/mine/", DialTimeout: 15 * time.Second} // a password is slow to check

	t.Run("works within its prefix", func(t *testing.T) {
		store := open(t, good)
		require.NoError(t, store.Ready(t.Context()))
		start, err := store.Commit(t.Context(), put("k", "v"))
		require.NoError(t, err)
		require.Equal(t, "v", valueOf(t, store, "k"))
		rev, err := store.Commit(t.Context(), put("k", "w"))
		require.NoError(t, err)
		passing, err := Open(t.Context(), good)
		require.NoError(t, err)
		_, err = passing.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "e", Value: []byte("v"), Ephemeral: true}}})
		require.NoError(t, err, "a lease needs no further permission")
		require.Equal(t, "v", valueOf(t, store, "e"))
		require.NoError(t, passing.Close())
		require.Empty(t, valueOf(t, store, "e"))
		for changes, err := range store.Watch(t.Context(), "k", start) {
			require.NoError(t, err)
			require.Equal(t, rev, changes.Revision)
			break
		}
	})
	t.Run("is refused when its role is too small", func(t *testing.T) {
		o := good
		o.Prefix = "/others/"
		_, err := Open(t.Context(), o)
		require.ErrorContains(t, err, "grant")
	})
	t.Run("is told that its role was taken away", func(t *testing.T) {
		store := open(t, good)
		_, err := admin.UserRevokeRole(t.Context(), "node", "credence")
		require.NoError(t, err)
		defer func() {
			_, err := admin.UserGrantRole(context.WithoutCancel(t.Context()), "node", "credence")
			require.NoError(t, err)
		}()
		_, err = store.Read(t.Context(), engine.Strict, "k")
		require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
		require.ErrorContains(t, err, "grant")
		_, err = store.Commit(t.Context(), put("k", "v"))
		require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
		require.ErrorContains(t, err, "grant")
		n := 0
		for _, err := range store.Watch(t.Context(), "k", 1) {
			require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
			require.ErrorContains(t, err, "grant")
			n++
		}
		require.Equal(t, 1, n)
	})
	for name, change := range map[string]func(*Options){
		"wrong password":              func(o *Options) { o.Password = "hidden-password" },
		"unknown user":                func(o *Options) { o.Username = "nobody"; o.Password = "hidden-password" },
		"plain connection to TLS":     func(o *Options) { o.TLS = nil },
		"without client certificate":  func(o *Options) { o.TLS = tls.Clone(); o.TLS.GetClientCertificate = nil },
		"authority that is not known": func(o *Options) { o.TLS = tls.Clone(); o.TLS.RootCAs = nil },
		"other server name":           func(o *Options) { o.TLS = tls.Clone(); o.TLS.ServerName = "elsewhere" },
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			o := good
			o.DialTimeout = time.Second
			change(&o)
			started := time.Now()
			_, err := Open(t.Context(), o)
			require.ErrorContains(t, err, c.addr)
			require.NotContains(t, err.Error(), "hidden-password")
			require.Less(t, time.Since(started), 5*time.Second)
		})
	}
}

func TestOpenGivesUpOnAClusterThatDoesNotAnswer(t *testing.T) {
	c := startCluster(t, nil)
	stalled := startProxy(t, c.addr)
	stalled.stalled.Store(true)
	for name, endpoint := range map[string]string{"refusing": "127.0.0.1:1", "silent": stalled.addr()} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, err := Open(t.Context(), Options{Endpoints: []string{endpoint}, DialTimeout: 500 * time.Millisecond})
			require.ErrorContains(t, err, endpoint)
			require.Less(t, time.Since(started), 5*time.Second)
		})
	}
	t.Run("one of several is enough", func(t *testing.T) {
		store := open(t, Options{Endpoints: []string{"127.0.0.1:1", c.addr}, DialTimeout: time.Second})
		_, err := store.Commit(t.Context(), put("k", "v"))
		require.NoError(t, err)
	})
}

func TestVersionsThatCanAnswerWithOldStateAreRefused(t *testing.T) {
	for version, accepted := range map[string]bool{
		"3.4.23": false, "3.5.0": false, "3.5.27": false, "3.5.28": true, "3.5.40": true,
		"3.6.0": false, "3.6.8": false, "3.6.9": true, "3.6.10": true,
		"3.7.0": true, "3.7.3": true, "4.0.0": true,
		"3.6.9-rc.0": false, "3.5.28-alpha": false, "2.3.8": false, "": false, "new": false,
	} {
		err := checkVersion(version)
		if accepted {
			require.NoError(t, err, version)
		} else {
			require.ErrorContains(t, err, version)
		}
	}
	require.ErrorContains(t, checkVersion("3.5.1"), "upgrade it to 3.5.28 or 3.6.9")
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		o    Options
		says string
	}{
		{"neither place", Options{}, "data directory"},
		{"prefix without slash", Options{DataDir: "x", Prefix: "credence"}, "end with a slash"},
		{"long prefix", Options{DataDir: "x", Prefix: fmt.Sprintf("%0300d/", 0)}, "301 bytes"},
		{"user without password", Options{Endpoints: []string{"x"}, Username: "u"}, "both"},
		{"password without user", Options{Endpoints: []string{"x"}, Password: "p"}, "both"},
		{"a lease of less than a second", Options{DataDir: "x", Lease: 100 * time.Millisecond}, "whole seconds"},
		{"negative time", Options{Endpoints: []string{"x"}, DialTimeout: -1}, "positive"},
		{"large quota", Options{DataDir: "x", Embedded: Embedded{QuotaBytes: MaxQuotaBytes + 1}}, "quota"},
		{"negative quota", Options{DataDir: "x", Embedded: Embedded{QuotaBytes: -1}}, "quota"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(t.Context(), test.o)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestTLSFilesThatCannotWorkAreRefused(t *testing.T) {
	config, err := TLSFiles{}.Config()
	require.NoError(t, err)
	require.Nil(t, config)
	_, err = TLSFiles{CertFile: "x.crt"}.Config()
	require.ErrorContains(t, err, "both")
	_, err = TLSFiles{CAFile: "/absent/ca.crt"}.Config()
	require.ErrorContains(t, err, "/absent/ca.crt")
}
