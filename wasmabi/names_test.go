package wasmabi_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

func TestStatusesHaveTheNamesAndNumbersOfTheSpecification(t *testing.T) {
	for s, name := range map[wasmabi.Status]string{
		0: "OK", 1: "INTERNAL", 2: "INVALID_ARGUMENT", 3: "NOT_FOUND", 4: "ALREADY_EXISTS", 5: "FAILED_PRECONDITION",
		6: "UNSUPPORTED", 7: "UNAVAILABLE", 8: "PERMISSION_DENIED", 9: "RESOURCE_EXHAUSTED", 10: "DEADLINE",
		11: "STATUS(11)", 15: "STATUS(15)", 99: "STATUS(99)", -1: "STATUS(-1)",
	} {
		require.Equal(t, name, s.String())
		require.Equal(t, s >= 0 && s <= 15, s.Valid(), name)
	}
}

func TestErrorNumbersAreReturnedNegatedAndSayWhatTheyMean(t *testing.T) {
	for e, name := range map[wasmabi.Errno]string{1: "EPERM", 2: "ENOENT", 7: "E2BIG", 11: "EAGAIN", 22: "EINVAL", 38: "ENOSYS", 122: "EDQUOT"} {
		require.Contains(t, e.Error(), name)
		require.Equal(t, -int32(e), e.Return())
	}
	require.Equal(t, "errno 5", wasmabi.Errno(5).Error())
}

func TestLevelsAndCredentialsStatusesHaveNames(t *testing.T) {
	require.Equal(t, []string{"debug", "info", "warn", "error", "level(4)"}, []string{
		wasmabi.Debug.String(), wasmabi.Info.String(), wasmabi.Warn.String(), wasmabi.Error.String(), wasmabi.Level(4).String(),
	})
	require.Equal(t, []string{"UNSPECIFIED", "AVAILABLE", "IN_USE", "REVOKED", "STATUS(4)"}, []string{
		wasmabi.Unspecified.String(), wasmabi.Available.String(), wasmabi.InUse.String(), wasmabi.Revoked.String(), wasmabi.CredentialsStatus(4).String(),
	})
}

func TestImportsAreListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range wasmabi.Imports() {
		require.False(t, seen[i.Name], i.Name)
		seen[i.Name] = true
	}
}

// TestSpecificationNamesEverything keeps ABI.md from falling behind the code.
func TestSpecificationNamesEverything(t *testing.T) {
	raw, err := os.ReadFile("ABI.md")
	require.NoError(t, err)
	text := string(raw)
	for _, i := range wasmabi.Imports() {
		require.Contains(t, text, "`"+i.Name+"`")
		if i.Params > 0 {
			_, signature, found := strings.Cut(text, "| `"+i.Name+"` | `(")
			require.True(t, found, "%s has no row in the table of imports", i.Name)
			signature, _, _ = strings.Cut(signature, ")")
			require.Len(t, strings.Split(signature, ","), i.Params, "parameters of %s", i.Name)
		}
	}
	for _, name := range []string{
		wasmabi.ExportMemory, wasmabi.ExportMarker, wasmabi.ExportInitialize, wasmabi.ExportStart, wasmabi.ExportConfigure, wasmabi.ExportLookup,
		wasmabi.ExportProvide, wasmabi.ExportMarkInUse, wasmabi.ExportMarkRevoked, wasmabi.ExportVerifyProof, wasmabi.ManifestSection,
	} {
		require.Contains(t, text, "`"+name+"`")
	}
	for s := wasmabi.OK; s <= wasmabi.Deadline; s++ {
		require.Contains(t, text, s.String())
	}
	for name := range blank {
		require.Contains(t, text, name)
	}
}
