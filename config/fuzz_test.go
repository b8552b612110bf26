package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

// FuzzLoad gives Load any file and any variable: it never panics, and what it
// accepts is within the limits that others rely on.
func FuzzLoad(f *testing.F) {
	f.Add("yaml", config.Sample(), "CREDENCE_LISTEN=:0")
	f.Add("yaml", "log: {level: warn}\nhttp:\n", "CREDENCE_ETCD__ENDPOINTS=a:1,b:2")
	f.Add("toml", "[modules]\nqueue = 1\n", "CREDENCE_DATA_DIR=x")
	f.Add("yaml", "a: &a [*a]", "CREDENCE_=")
	f.Fuzz(func(t *testing.T, format, content, variable string) {
		if format != "toml" {
			format = "yaml"
		}
		path := filepath.Join(t.TempDir(), "c."+format)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		c, err := config.Load(config.Options{File: path, Environ: []string{variable}})
		if err != nil {
			require.Equal(t, config.Config{}, c)
			return
		}
		require.Positive(t, c.ShutdownTimeout)
		require.Positive(t, c.Modules.CallTimeout)
		require.Positive(t, c.Modules.Concurrency)
		require.LessOrEqual(t, c.Modules.MemoryPages, c.Modules.MemoryPagesCeiling)
		require.NotEmpty(t, c.Modules.CacheDir)
	})
}
