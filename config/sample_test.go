package config_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
)

func TestTheSampleEqualsTheDefaults(t *testing.T) {
	want, err := config.Load(config.Options{})
	require.NoError(t, err)
	got, err := config.Load(config.Options{File: write(t, "sample.yaml", config.Sample())})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestTheSampleNamesAndDescribesEveryKeyInTheOrderOfTheTypes(t *testing.T) {
	rest := config.Sample()
	var visit func(reflect.Type, string)
	visit = func(section reflect.Type, indent string) {
		for field := range section.Fields() {
			name := "\n" + indent + field.Tag.Get("yaml") + ":"
			_, after, found := strings.Cut(rest, name)
			require.True(t, found, "the sample lacks %q after what comes before it", name)
			rest = after
			if field.Type.Kind() == reflect.Struct {
				visit(field.Type, indent+"  ")
			}
		}
	}
	visit(reflect.TypeFor[config.Config](), "")
}

func TestWhatIsPrintedCanBeLoadedAgain(t *testing.T) {
	want, err := config.Load(config.Options{Environ: []string{
		"CREDENCE_LISTEN=[::1]:0", "CREDENCE_ETCD__ENDPOINTS=a:1,b:2", "CREDENCE_MODULES__CALL_TIMEOUT=1500us",
	}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, want.Print(&out))
	got, err := config.Load(config.Options{File: write(t, "printed.yaml", out.String())})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

func TestPrintingReportsAFailedWrite(t *testing.T) {
	c, err := config.Load(config.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, c.Print(brokenWriter{}), bytes.ErrTooLarge)
}
