package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

func TestAnUnknownKeyIsRefusedWithTheNearestKnownName(t *testing.T) {
	for _, c := range []struct{ name, file, content, env, key, nearest string }{
		{name: "misspelt", file: "c.yaml", content: "lisen: x", key: `"lisen"`, nearest: "listen"},
		{name: "misspelt in a section", file: "c.yaml", content: "etcd: {endpoint: x}", key: `"etcd.endpoint"`, nearest: "etcd.endpoints"},
		{name: "misspelt section", file: "c.toml", content: "[ecd]\nprefix='/a/'", key: `"ecd"`, nearest: "is etcd"},
		{name: "wrong case", file: "c.yaml", content: "datadir: x", key: `"datadir"`, nearest: "dataDir"},
		{name: "without its section", file: "c.toml", content: "dialTimeout='1s'", key: `"dialTimeout"`, nearest: "etcd.dialTimeout"},
		{name: "levels in one name", file: "c.yaml", content: "etcd.prefix: /a/", key: `"etcd.prefix"`, nearest: "sections"},
		{name: "far from all", file: "c.yaml", content: "zzzzzzzzzzzzzzzzzzzz: 1", key: `"zzzzzzzzzzzzzzzzzzzz"`, nearest: "nearest known key is "},
		{name: "variable", env: "CREDENCE_ETCD__ENDPOINT=a:1", key: "CREDENCE_ETCD__ENDPOINT:", nearest: "CREDENCE_ETCD__ENDPOINTS (etcd.endpoints)"},
		{name: "variable with one underscore", env: "CREDENCE_LOG_LEVEL=info", key: "CREDENCE_LOG_LEVEL:", nearest: "CREDENCE_LOG__LEVEL (log.level)"},
		{name: "variable of a section", env: "CREDENCE_LOG=info", key: "CREDENCE_LOG:", nearest: "CREDENCE_"},
		{name: "variable with nothing after the prefix", env: "CREDENCE_=1", key: "CREDENCE_:", nearest: "CREDENCE_"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := config.Options{Environ: []string{c.env}}
			if c.file != "" {
				o.File = write(t, c.file, c.content)
			}
			_, err := config.Load(o)
			require.ErrorContains(t, err, c.key)
			require.ErrorContains(t, err, c.nearest)
			require.ErrorContains(t, err, o.File, "the source is named")
		})
	}
}

func TestTwoVariablesForOneKeyAreRefused(t *testing.T) {
	_, err := config.Load(config.Options{Environ: []string{"CREDENCE_DATA_DIR=a", "CREDENCE_DATADIR=b"}})
	require.ErrorContains(t, err, "CREDENCE_DATADIR and CREDENCE_DATA_DIR both set dataDir")
}

func TestAFileThatCannotBeReadIsRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct{ name, file, content, want string }{
		{"unknown format", "c.json", "{}", "must end in .yaml, .yml or .toml"},
		{"no YAML", "c.yaml", "a: b: c", "mapping values are not allowed"},
		{"no TOML", "c.toml", "a = = b", "line 1"},
		{"no keys at all", "c.yaml", "just text", "cannot unmarshal"},
		{"a list", "c.yaml", "- a", "cannot unmarshal"},
		{"the same key twice", "c.yaml", "listen: a\nlisten: b", "already defined"},
		{"the same key twice in TOML", "c.toml", "listen='a'\nlisten='b'", "listen"},
		{"two documents", "c.yaml", "listen: :1\n---\nlisten: :2", "more than one YAML document"},
		{"a value where a section is", "c.yaml", "log: debug", "log is a section and needs keys below it, such as log."},
		{"a number as a key", "c.yaml", "log: {1: 2}", "log is a section"},
		{"a key without a value", "c.yaml", "listen:", "listen (file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.file, c.content)
			_, err := config.Load(config.Options{File: path})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
		})
	}
	_, err := config.Load(config.Options{File: "/nowhere/c.yaml"})
	require.ErrorContains(t, err, "/nowhere/c.yaml")
}

func TestAnEmptyFileGivesTheDefaults(t *testing.T) {
	want, err := config.Load(config.Options{})
	require.NoError(t, err)
	for _, file := range []string{"c.yaml", "c.toml"} {
		got, err := config.Load(config.Options{File: write(t, file, "# nothing\n")})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAValueOfTheWrongTypeIsRefused(t *testing.T) {
	const number, duration, text, list = "whole number", "a time with its unit", "must be text", "must be a list of texts"
	for _, c := range []struct{ content, key, want string }{
		{"listen: 8080", `listen (file`, text},
		{"listen: [a]", `listen (file`, text},
		{"shutdownTimeout: 10", "shutdownTimeout", duration},
		{"shutdownTimeout: ten", "shutdownTimeout", duration},
		{"http: {maxBodyBytes: 1.5}", "http.maxBodyBytes", number},
		{"http: {maxBodyBytes: 8MiB}", "http.maxBodyBytes", number},
		{"http: {maxBodyBytes: true}", "http.maxBodyBytes", number},
		{"http: {maxBodyBytes: 99999999999999999999}", "http.maxBodyBytes", number},
		{"etcd: {endpoints: [1]}", "etcd.endpoints", list},
		{"etcd: {endpoints: 1}", "etcd.endpoints", list},
		{"etcd: {endpoints: {a: b}}", "etcd.endpoints", list},
	} {
		t.Run(c.content, func(t *testing.T) {
			_, err := config.Load(config.Options{File: write(t, "c.yaml", c.content)})
			require.ErrorContains(t, err, c.key)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := config.Load(config.Options{Environ: []string{"CREDENCE_MODULES__QUEUE="}})
	require.ErrorContains(t, err, `modules.queue (environment variable CREDENCE_MODULES__QUEUE): "": must be a whole number`)
}

func TestAValueThatIsNotAllowedIsRefused(t *testing.T) {
	external, on := "CREDENCE_ETCD__ENDPOINTS=https://e:1", "CREDENCE_CLUSTER__ENABLED=true"
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"no port", []string{"CREDENCE_LISTEN=localhost"}, `listen (environment variable CREDENCE_LISTEN): "localhost": must be host:port`},
		{"empty listen", []string{"CREDENCE_LISTEN="}, "listen (environment variable"},
		{"port out of range", []string{"CREDENCE_LISTEN=:65536"}, "listen"},
		{"named port", []string{"CREDENCE_LISTEN=:http"}, "listen"},
		{"IPv6 without brackets", []string{"CREDENCE_LISTEN=::1:80"}, "listen"},
		{"no data folder", []string{"CREDENCE_DATA_DIR= "}, "dataDir"},
		{"NUL in the data folder", []string{"CREDENCE_DATA_DIR=a\x00"}, "dataDir"},
		{"password with a line end", []string{"CREDENCE_BOOTSTRAP_PASSWORD=a\n"}, "bootstrapPassword (environment variable CREDENCE_BOOTSTRAP_PASSWORD): must not hold control characters"},
		{"no time to stop", []string{"CREDENCE_SHUTDOWN_TIMEOUT=0s"}, `shutdownTimeout (environment variable CREDENCE_SHUTDOWN_TIMEOUT): "0s": must be longer`},
		{"log level", []string{"CREDENCE_LOG__LEVEL=INFO"}, "log.level (environment variable CREDENCE_LOG__LEVEL): \"INFO\": must be one of debug, info, warn, error"},
		{"log format", []string{"CREDENCE_LOG__FORMAT=xml"}, "text, json"},
		{"request time", []string{"CREDENCE_HTTP__REQUEST_TIMEOUT=-1s"}, "http.requestTimeout"},
		{"deploy time", []string{"CREDENCE_HTTP__DEPLOY_TIMEOUT=0s"}, "http.deployTimeout"},
		{"small body", []string{"CREDENCE_HTTP__MAX_BODY_BYTES=1023"}, "between 1024 and 1048576"},
		{"large body", []string{"CREDENCE_HTTP__MAX_BODY_BYTES=1048577"}, "http.maxBodyBytes"},
		{"large module", []string{"CREDENCE_HTTP__MAX_MODULE_BYTES=33554433"}, "between 1024 and 33554432"},
		{"certificate without key", []string{"CREDENCE_HTTP__TLS__CERT_FILE=c"}, "http.tls.keyFile (not set): \"\": must be given, because http.tls.certFile is"},
		{"key without certificate", []string{"CREDENCE_HTTP__TLS__KEY_FILE=c"}, "http.tls.certFile"},
		{"endpoint without port", []string{"CREDENCE_ETCD__ENDPOINTS=a:1,b"}, `etcd.endpoints (environment variable CREDENCE_ETCD__ENDPOINTS): "b": each item must be host:port`},
		{"empty endpoint", []string{"CREDENCE_ETCD__ENDPOINTS=a:1,,b:2"}, "each item must be host:port"},
		{"endpoint with a path", []string{"CREDENCE_ETCD__ENDPOINTS=http://a:1/x"}, "each item must be host:port"},
		{"endpoint with a query", []string{"CREDENCE_ETCD__ENDPOINTS=http://a?:1"}, "each item must be host:port"},
		{"endpoint of port 0", []string{"CREDENCE_ETCD__ENDPOINTS=a:0"}, "each item must be host:port"},
		{"endpoint of an unknown scheme", []string{"CREDENCE_ETCD__ENDPOINTS=ftp://a:1"}, "each item must be host:port"},
		{"socket without a path", []string{"CREDENCE_ETCD__ENDPOINTS=unix://a"}, "each item must be host:port"},
		{"endpoint twice", []string{"CREDENCE_ETCD__ENDPOINTS=a:1,b:1,a:1"}, "item 3 is there twice"},
		{"plain endpoint with TLS", []string{"CREDENCE_ETCD__ENDPOINTS=http://a:1", "CREDENCE_ETCD__TLS__CA_FILE=c"}, "is without encryption, but etcd.tls is given"},
		{"prefix without slashes", []string{"CREDENCE_ETCD__PREFIX=credence"}, "etcd.prefix"},
		{"prefix without a name", []string{"CREDENCE_ETCD__PREFIX=/"}, "etcd.prefix"},
		{"prefix with an empty level", []string{"CREDENCE_ETCD__PREFIX=/a//b/"}, "etcd.prefix"},
		{"prefix with a control character", []string{"CREDENCE_ETCD__PREFIX=/a\t/"}, "etcd.prefix"},
		{"prefix that is no text", []string{"CREDENCE_ETCD__PREFIX=/\xff/"}, "etcd.prefix"},
		{"prefix too long", []string{"CREDENCE_ETCD__PREFIX=/" + strings.Repeat("a", 255) + "/"}, "etcd.prefix"},
		{"dial time", []string{"CREDENCE_ETCD__DIAL_TIMEOUT=0s"}, "etcd.dialTimeout"},
		{"user without password", []string{external, "CREDENCE_ETCD__USERNAME=u"}, "etcd.password (not set): must be given, because etcd.username is"},
		{"password without user", []string{external, "CREDENCE_ETCD__PASSWORD=p"}, "etcd.username"},
		{"client certificate without key", []string{external, "CREDENCE_ETCD__TLS__CERT_FILE=c"}, "etcd.tls.keyFile"},
		{"client key without certificate", []string{external, "CREDENCE_ETCD__TLS__KEY_FILE=c"}, "etcd.tls.certFile"},
		{"user of an embedded server", []string{"CREDENCE_ETCD__USERNAME=u", "CREDENCE_ETCD__PASSWORD=p"}, "etcd.endpoints (not set): must be given"},
		{"TLS of an embedded server", []string{"CREDENCE_ETCD__TLS__SERVER_NAME=s"}, "etcd.endpoints"},
		{"quota of a cluster that is not there", []string{"CREDENCE_ETCD__QUOTA_BYTES=4294967296"}, "etcd.quotaBytes"},
		{"small cluster", []string{"CREDENCE_ETCD__ENDPOINTS=a:1", "CREDENCE_ETCD__QUOTA_BYTES=1"}, "etcd.quotaBytes"},
		{"unknown maintenance", []string{"CREDENCE_ETCD__MAINTENANCE__MODE=yes"}, "etcd.maintenance.mode"},
		{"maintenance without end", []string{"CREDENCE_ETCD__MAINTENANCE__FREE_BYTES=0"}, "etcd.maintenance.freeBytes"},
		{"small database", []string{"CREDENCE_ETCD__EMBEDDED__QUOTA_BYTES=2097151"}, "etcd.embedded.quotaBytes"},
		{"tiny cache", []string{"CREDENCE_CACHE__BYTES=1048575"}, "cache.bytes"},
		{"large cache", []string{"CREDENCE_CACHE__BYTES=68719476737"}, "cache.bytes"},
		{"large database", []string{"CREDENCE_ETCD__EMBEDDED__QUOTA_BYTES=8589934593"}, "etcd.embedded.quotaBytes"},
		{"a cluster beside another", []string{on, external}, "must not be given together with etcd.endpoints"},
		{"member with a slash", []string{on, "CREDENCE_CLUSTER__NAME=a/b"}, "cluster.name"},
		{"short secret", []string{on, "CREDENCE_CLUSTER__SECRET=0123456789012345678901234567890"}, "cluster.secret (environment variable CREDENCE_CLUSTER__SECRET): must have at least 32"},
		{"list and token", []string{on, "CREDENCE_CLUSTER__MEMBERS=a=h:1", "CREDENCE_CLUSTER__JOIN=@f"}, "must not be given together with cluster.join"},
		{"member without a name", []string{on, "CREDENCE_CLUSTER__MEMBERS=h:1"}, "each item must be name=host:port"},
		{"member without a port", []string{on, "CREDENCE_CLUSTER__MEMBERS=a=h"}, "each item must be name=host:port"},
		{"member twice", []string{on, "CREDENCE_CLUSTER__MEMBERS=a=h:1,a=h:2"}, "is there twice"},
		{"two members in one place", []string{on, "CREDENCE_CLUSTER__MEMBERS=a=h:1,b=h:1"}, "is there twice"},
		{"eight members", []string{on, "CREDENCE_CLUSTER__MEMBERS=a=h:1,b=h:2,c=h:3,d=h:4,e=h:5,f=h:6,g=h:7,h=h:8"}, "at most 7"},
		{"listening at a name", []string{on, "CREDENCE_CLUSTER__LISTEN_PEER=host:7380"}, "cluster.listenPeer"},
		{"listening at any port", []string{on, "CREDENCE_CLUSTER__LISTEN_CLIENT=0.0.0.0:0"}, "cluster.listenClient"},
		{"host with a port", []string{on, "CREDENCE_CLUSTER__ADVERTISE=host:7380"}, "cluster.advertise"},
		{"NUL in the cache folder", []string{"CREDENCE_MODULES__CACHE_DIR=a\x00"}, "modules.cacheDir"},
		{"call time", []string{"CREDENCE_MODULES__CALL_TIMEOUT=5001ms"}, "modules.callTimeout (environment variable CREDENCE_MODULES__CALL_TIMEOUT): \"5.001s\": must be longer than 0s and at most 5s"},
		{"provide time", []string{"CREDENCE_MODULES__PROVIDE_TIMEOUT=0s"}, "modules.provideTimeout"},
		{"start time", []string{"CREDENCE_MODULES__START_TIMEOUT=6s"}, "modules.startTimeout"},
		{"no memory", []string{"CREDENCE_MODULES__MEMORY_PAGES=0"}, "modules.memoryPages "},
		{"memory over its ceiling", []string{"CREDENCE_MODULES__MEMORY_PAGES=4097"}, "modules.memoryPagesCeiling, 4096"},
		{"ceiling over WebAssembly's", []string{"CREDENCE_MODULES__MEMORY_PAGES_CEILING=65537"}, "modules.memoryPagesCeiling "},
		{"hardly any memory", []string{"CREDENCE_MODULES__MEMORY_BUDGET=1048575"}, "modules.memoryBudget"},
		{"no concurrency", []string{"CREDENCE_MODULES__CONCURRENCY=0"}, "modules.concurrency"},
		{"negative queue", []string{"CREDENCE_MODULES__QUEUE=-1"}, "modules.queue"},
		{"negative wait", []string{"CREDENCE_MODULES__QUEUE_WAIT=-1s"}, "modules.queueWait"},
		{"unknown policy of signatures", []string{"CREDENCE_MODULES__SIGNATURES__POLICY=maybe"}, "must be one of off, warn, required"},
		{"signatures of nobody", []string{"CREDENCE_MODULES__SIGNATURES__POLICY=required"}, "modules.signatures.keys (not set)"},
		{"a key without a name", []string{"CREDENCE_MODULES__SIGNATURES__KEYS=/x.pem"}, "name=FILE"},
		{"a name of two keys", []string{"CREDENCE_MODULES__SIGNATURES__KEYS=a=x,a=y"}, "the name is there twice"},
		{"two sources of keys", []string{"CREDENCE_SECRETS__KEY=x", "CREDENCE_SECRETS__KEY_FILE=y"}, "must not be given together with secrets.key"},
		{"NUL in the key file", []string{"CREDENCE_SECRETS__KEY_FILE=a\x00"}, "secrets.keyFile"},
		{"sessions without end", []string{"CREDENCE_SESSIONS__MAX_TTL=169h"}, "sessions.maxTTL"},
		{"sessions of half a second", []string{"CREDENCE_SESSIONS__MAX_TTL=500ms"}, "sessions.maxTTL"},
		{"an issuer with a space", []string{"CREDENCE_SESSIONS__ISSUER=a b"}, "sessions.issuer"},
		{"no issuer", []string{"CREDENCE_SESSIONS__ISSUER="}, "sessions.issuer"},
		{"keys for minutes", []string{"CREDENCE_SESSIONS__KEY_ROTATION=59m"}, "sessions.keyRotation"},
		{"a capability that is none", []string{"CREDENCE_MODULES__CAPABILITIES=kv,root"}, "each item must be one of kv, clock"},
		{"a capability twice", []string{"CREDENCE_MODULES__CAPABILITIES=kv,kv"}, "is there twice"},
		{"neither true nor false", []string{"CREDENCE_MODULES__HTTP__ALLOW_PRIVATE=yes"}, "must be true or false"},
		{"no host calls", []string{"CREDENCE_MODULES__HOST_CALLS=0"}, "modules.hostCalls"},
		{"no wait", []string{"CREDENCE_MODULES__DEPLOY_WAIT=0s"}, "modules.deployWait"},
		{"a wait too long", []string{"CREDENCE_MODULES__DEPLOY_WAIT=1m"}, "modules.deployWait"},
		{"node id with a slash", []string{"CREDENCE_NODE__ID=a/b"}, "node.id"},
		{"short lease", []string{"CREDENCE_NODE__LEASE=1s"}, "node.lease"},
		{"broken lease", []string{"CREDENCE_NODE__LEASE=2500ms"}, "node.lease"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := config.Load(config.Options{Environ: c.env})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestValuesAtTheEdgeAreAllowed(t *testing.T) {
	for _, env := range []string{
		"CREDENCE_LISTEN=:0", "CREDENCE_LISTEN=[::1]:65535", "CREDENCE_BOOTSTRAP_PASSWORD=pässword: x", "CREDENCE_BOOTSTRAP_PASSWORD=",
		"CREDENCE_ETCD__ENDPOINTS=a:1,http://b:2,https://[::1]:3,unix:///run/etcd.sock,unixs:///run/etcd2.sock",
		"CREDENCE_ETCD__PREFIX=/a/b/", "CREDENCE_HTTP__MAX_BODY_BYTES=1048576", "CREDENCE_HTTP__MAX_MODULE_BYTES=33554432",
		"CREDENCE_MODULES__CALL_TIMEOUT=5s", "CREDENCE_MODULES__MEMORY_PAGES=4096", "CREDENCE_MODULES__QUEUE=0",
		"CREDENCE_MODULES__QUEUE_WAIT=0s", "CREDENCE_MODULES__MEMORY_PAGES_CEILING=65536",
		"CREDENCE_MODULES__MEMORY_BUDGET=1048576", "CREDENCE_SESSIONS__MAX_TTL=168h", "CREDENCE_SESSIONS__KEY_ROTATION=1h",
	} {
		_, err := config.Load(config.Options{Environ: []string{env}})
		require.NoError(t, err, env)
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := config.Load(config.Options{Environ: []string{"CREDENCE_LOG__LEVEL=loud", "CREDENCE_LISTEN=x", "CREDENCE_MODULES__QUEUE=-1"}})
	require.ErrorContains(t, err, "log.level")
	require.ErrorContains(t, err, "listen")
	require.ErrorContains(t, err, "modules.queue")

	_, err = config.Load(config.Options{File: write(t, "c.yaml", "a: 1\nb: 2"), Environ: []string{"CREDENCE_C=3"}})
	require.ErrorContains(t, err, `"a"`)
	require.ErrorContains(t, err, `"b"`)
	require.ErrorContains(t, err, "CREDENCE_C")
}
