package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

const hidden = "hunter2hunter2"

func TestASecretNeverShows(t *testing.T) {
	c, err := config.Load(config.Options{Environ: []string{
		"CREDENCE_BOOTSTRAP_PASSWORD=" + hidden, "CREDENCE_ETCD__PASSWORD=" + hidden,
		"CREDENCE_ETCD__USERNAME=u", "CREDENCE_ETCD__ENDPOINTS=a:1",
	}})
	require.NoError(t, err)
	require.Equal(t, hidden, string(c.BootstrapPassword))
	require.Equal(t, hidden, string(c.Etcd.Password))

	var out bytes.Buffer
	require.NoError(t, c.Print(&out))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, c.BootstrapPassword)
		fmt.Fprintf(&out, verb, &c.BootstrapPassword)
	}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "password", c.BootstrapPassword, "config", c)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "password", c.BootstrapPassword, "config", c)

	require.Contains(t, out.String(), "bootstrapPassword: '********'")
	require.NotContains(t, strings.ToLower(out.String()), hidden)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", hidden))
}

func TestASecretThatIsNotSetShowsAsNothing(t *testing.T) {
	var out bytes.Buffer
	c, err := config.Load(config.Options{})
	require.NoError(t, err)
	require.NoError(t, c.Print(&out))
	require.Contains(t, out.String(), `bootstrapPassword: ""`)
	require.NotContains(t, out.String(), "***")
}

func TestNoRefusalShowsASecret(t *testing.T) {
	for name, o := range map[string]config.Options{
		"control character":  {Environ: []string{"CREDENCE_BOOTSTRAP_PASSWORD=" + hidden + "\n"}},
		"password alone":     {Environ: []string{"CREDENCE_ETCD__PASSWORD=" + hidden}},
		"user in endpoint":   {Environ: []string{"CREDENCE_ETCD__ENDPOINTS=http://u:" + hidden + "@a:1"}},
		"twice in endpoints": {Environ: []string{"CREDENCE_ETCD__ENDPOINTS=u:" + hidden + "@a:1,u:" + hidden + "@a:1"}},
		"unknown variable":   {Environ: []string{"CREDENCE_BOOTSTRAP_PASWORD=" + hidden}},
		"wrong type":         {File: write(t, "1.yaml", "bootstrapPassword: ["+hidden+"]")},
		"wrong type in TOML": {File: write(t, "2.toml", "bootstrapPassword = ['"+hidden+"']")},
		"an anchor":          {File: write(t, "3.yaml", "bootstrapPassword: *"+hidden)},
		"no keys":            {File: write(t, "4.yaml", hidden)},
		"bad syntax":         {File: write(t, "5.yaml", "bootstrapPassword: \""+hidden)},
		"bad TOML":           {File: write(t, "6.toml", "bootstrapPassword = "+hidden)},
		"TOML with no end":   {File: write(t, "7.toml", "bootstrapPassword = \""+hidden)},
		"a second line":      {File: write(t, "8.toml", "bootstrapPassword = \"a\" "+hidden)},
		"bad escape":         {File: write(t, "9.yaml", "bootstrapPassword: \"\\q"+hidden+"\"")},
		"a tag":              {File: write(t, "10.yaml", "bootstrapPassword: !!int "+hidden)},
		"a section":          {File: write(t, "11.yaml", "etcd: "+hidden)},
		"an unknown key":     {File: write(t, "12.yaml", "password: "+hidden)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), hidden)
			require.NotContains(t, err.Error(), hidden[:7])
		})
	}
}
