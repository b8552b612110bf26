package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuthoritiesAreReadOrRefusedWithTheFile(t *testing.T) {
	roots, err := authorities("")
	require.NoError(t, err)
	require.Nil(t, roots, "the system's")
	_, err = authorities(filepath.Join(t.TempDir(), "absent.pem"))
	require.ErrorContains(t, err, "absent.pem")
	file := filepath.Join(t.TempDir(), "text.pem")
	require.NoError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	_, err = authorities(file)
	require.ErrorContains(t, err, "text.pem holds no certificate in PEM")
}
