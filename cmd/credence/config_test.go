package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

func TestConfigPrintsWhatServeWouldUse(t *testing.T) {
	path := file(t, "credence.yaml", "listen: 127.0.0.1:1\nlog:\n  level: debug\n")
	env := []string{
		"CREDENCE_LISTEN=127.0.0.1:2", "CREDENCE_BOOTSTRAP_PASSWORD=" + testPassword,
		serverVariable + "=http://elsewhere", userVariable + "=eve", passwordVariable + "=" + testPassword,
	}
	r := credence(t, env, "", "config", "--config", path, "--data-dir", "/data")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, "listen: 127.0.0.1:2\n", "the environment overrides the file")
	require.Contains(t, r.stdout, "dataDir: /data\n", "flags override")
	require.Contains(t, r.stdout, "  level: debug\n", "the file overrides defaults")
	require.Contains(t, r.stdout, "bootstrapPassword: '********'\n", "secrets are masked")
}

func TestConfigRefusesUnknownKeysWithTheNearestName(t *testing.T) {
	r := credence(t, []string{"CREDENCE_LISTN=x"}, "", "config")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "CREDENCE_LISTEN")
}

func TestConfigPrintsTheSample(t *testing.T) {
	r := credence(t, nil, "", "config", "--sample")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, config.Sample(), r.stdout)
}
