package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

// write makes a configuration file; the end of the name says its format.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// parsed is a set of the configuration flags, with these given.
func parsed(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.BindFlags(fs)
	require.NoError(t, fs.Parse(args))
	return fs
}

func TestWithoutSourcesTheDefaultsApply(t *testing.T) {
	c, err := config.Load(config.Options{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.Equal(t, "./credence-data", c.DataDir)
	require.Equal(t, "credence-data/module-cache", c.Modules.CacheDir)
	require.Equal(t, 10*time.Second, c.ShutdownTimeout)
	require.False(t, c.Etcd.External())
	require.False(t, c.HTTP.TLS.Enabled())
}

func TestALaterSourceOverridesAnEarlierOne(t *testing.T) {
	const (
		yamlFile = "log: {level: warn}\n"
		tomlFile = "[log]\nlevel = \"warn\"\n"
		variable = "CREDENCE_LOG__LEVEL=error"
		flag     = "--log-level=debug"
	)
	for _, c := range []struct {
		name, file, content, env, flag, want string
	}{
		{name: "nothing", want: "info"},
		{name: "YAML file", file: "c.yaml", content: yamlFile, want: "warn"},
		{name: "YAML file, short name", file: "c.YML", content: yamlFile, want: "warn"},
		{name: "TOML file", file: "c.toml", content: tomlFile, want: "warn"},
		{name: "environment", env: variable, want: "error"},
		{name: "environment over file", file: "c.toml", content: tomlFile, env: variable, want: "error"},
		{name: "flag", flag: flag, want: "debug"},
		{name: "flag over file", file: "c.yaml", content: yamlFile, flag: flag, want: "debug"},
		{name: "flag over environment", env: variable, flag: flag, want: "debug"},
		{name: "flag over all", file: "c.yaml", content: yamlFile, env: variable, flag: flag, want: "debug"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var args []string
			if c.file != "" {
				args = append(args, "--config", write(t, c.file, c.content))
			}
			if c.flag != "" {
				args = append(args, c.flag)
			}
			got, err := config.Load(config.Options{Environ: []string{"HOME=/", c.env}, Flags: parsed(t, args...)})
			require.NoError(t, err)
			require.Equal(t, c.want, got.Log.Level)
			require.Equal(t, "text", got.Log.Format, "a key beside it keeps its default")
		})
	}
}

func TestAFileOfEitherFormatSetsEveryKindOfValue(t *testing.T) {
	for name, content := range map[string]string{
		"c.yaml": "etcd:\n  endpoints: [a:1, 'b:2']\n  dialTimeout: 1m30s\n  username: u\n  password: p\n" +
			"http:\n  maxBodyBytes: 4096\n  tls:\nmodules: {capabilities: [kv], http: {allowPrivate: true}}\n",
		"c.toml": "[etcd]\nendpoints = ['a:1', 'b:2']\ndialTimeout = '1m30s'\nusername = 'u'\npassword = 'p'\n" +
			"[http]\nmaxBodyBytes = 4096\n[modules]\ncapabilities = ['kv']\nhttp = {allowPrivate = true}\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(config.Options{File: write(t, name, content)})
			require.NoError(t, err)
			require.Equal(t, []string{"a:1", "b:2"}, c.Etcd.Endpoints)
			require.Equal(t, 90*time.Second, c.Etcd.DialTimeout)
			require.Equal(t, "p", string(c.Etcd.Password))
			require.EqualValues(t, 4096, c.HTTP.MaxBodyBytes)
			require.Equal(t, 16, c.Modules.Concurrency)
			require.Equal(t, []string{"kv"}, c.Modules.Capabilities)
			require.True(t, c.Modules.HTTP.AllowPrivate)
		})
	}
}

func TestTheEnvironmentNamesKeysWithOrWithoutUnderscoresBetweenWords(t *testing.T) {
	for _, name := range []string{
		"CREDENCE_ETCD__DIAL_TIMEOUT", "CREDENCE_ETCD__DIALTIMEOUT", "CREDENCE_etcd__dialTimeout",
	} {
		c, err := config.Load(config.Options{Environ: []string{name + "=7s"}})
		require.NoError(t, err, name)
		require.Equal(t, 7*time.Second, c.Etcd.DialTimeout, name)
	}
}

func TestListsInTheEnvironmentAndFlagsAreSeparatedByCommas(t *testing.T) {
	c, err := config.Load(config.Options{Environ: []string{"CREDENCE_ETCD__ENDPOINTS=a:1, b:2"}})
	require.NoError(t, err)
	require.Equal(t, []string{"a:1", "b:2"}, c.Etcd.Endpoints)

	c, err = config.Load(config.Options{
		Environ: []string{"CREDENCE_ETCD__ENDPOINTS=a:1"},
		Flags:   parsed(t, "--etcd-endpoints=c:3,d:4", "--etcd-endpoints=e:5"),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"c:3", "d:4", "e:5"}, c.Etcd.Endpoints)

	c, err = config.Load(config.Options{
		File:    write(t, "c.yaml", "etcd: {endpoints: ['a:1']}"),
		Environ: []string{"CREDENCE_ETCD__ENDPOINTS="},
	})
	require.NoError(t, err)
	require.False(t, c.Etcd.External(), "empty means none")
}

func TestEveryFlagSetsItsKey(t *testing.T) {
	c, err := config.Load(config.Options{
		Environ: []string{"CREDENCE_ETCD__PASSWORD=p"},
		Flags: parsed(t, "--listen=:1", "--data-dir=/d", "--log-level=warn", "--log-format=json", "--shutdown-timeout=3s",
			"--tls-cert-file=c", "--tls-key-file=k", "--etcd-endpoints=https://e:1", "--etcd-prefix=/p/",
			"--etcd-dial-timeout=2s", "--etcd-username=u", "--etcd-ca-file=eca", "--etcd-cert-file=ec",
			"--etcd-key-file=ek", "--etcd-server-name=es"),
	})
	require.NoError(t, err)
	want, err := config.Load(config.Options{})
	require.NoError(t, err)
	want.Listen, want.DataDir, want.ShutdownTimeout = ":1", "/d", 3*time.Second
	want.Log = config.Log{Level: "warn", Format: "json"}
	want.HTTP.TLS = config.ServerTLS{CertFile: "c", KeyFile: "k"}
	want.Etcd.Endpoints, want.Etcd.Prefix = []string{"https://e:1"}, "/p/"
	want.Etcd.DialTimeout, want.Etcd.Username, want.Etcd.Password = 2*time.Second, "u", "p"
	want.Etcd.TLS = config.ClientTLS{CAFile: "eca", CertFile: "ec", KeyFile: "ek", ServerName: "es"}
	want.Modules.CacheDir = "/d/module-cache"
	require.Equal(t, want, c)
}

func TestFlagsOfOthersInTheSameSetAreLeftAlone(t *testing.T) {
	fs := parsed(t)
	fs.String("output", "table", "")
	require.NoError(t, fs.Parse([]string{"--output=json"}))
	_, err := config.Load(config.Options{Flags: fs})
	require.NoError(t, err)

	_, err = config.Load(config.Options{Flags: pflag.NewFlagSet("other", pflag.ContinueOnError)})
	require.NoError(t, err, "a set without the configuration flags")
}

func TestNoSecretHasAFlag(t *testing.T) {
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.BindFlags(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		require.NotContains(t, f.Name, "password")
		require.NotEmpty(t, f.Usage)
	})
}

// A token is as good as the secret: a flag names at most the file that it is in.
func TestATokenOnTheCommandLineIsRefused(t *testing.T) {
	_, err := config.Load(config.Options{Flags: parsed(t, "--cluster", "--join="+hidden)})
	require.ErrorContains(t, err, "cluster.join (flag --join): must be @ and the name of a file")
	require.NotContains(t, err.Error(), hidden)
	c, err := config.Load(config.Options{Flags: parsed(t, "--cluster", "--join=@/run/token")})
	require.NoError(t, err)
	require.True(t, c.Cluster.Enabled)
	require.Equal(t, "@/run/token", string(c.Cluster.Join))
	c, err = config.Load(config.Options{Flags: parsed(t, "--cluster"), Environ: []string{"CREDENCE_CLUSTER__JOIN=" + hidden}})
	require.NoError(t, err)
	require.Equal(t, hidden, string(c.Cluster.Join))
}

func TestIgnoredVariablesAreNoConfiguration(t *testing.T) {
	environ := []string{"CREDENCE_SERVER=http://127.0.0.1:8080"}
	_, err := config.Load(config.Options{Environ: environ})
	require.ErrorContains(t, err, "CREDENCE_SERVER")
	_, err = config.Load(config.Options{Environ: environ, Ignore: []string{"CREDENCE_SERVER"}})
	require.NoError(t, err)
}
