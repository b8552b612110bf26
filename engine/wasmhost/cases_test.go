package wasmhost

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The list of what modules can try is whole, and names tests that exist.
func TestEveryWayToAbuseTheHostHasItsTest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "README.md"))
	require.NoError(t, err)
	list := string(text)
	for group, n := range map[string]int{"A": 17, "B": 7, "C": 9, "D": 7, "E": 15, "F": 9, "G": 7, "H": 12} {
		for i := 1; i <= n; i++ {
			require.Equal(t, 1, strings.Count(list, fmt.Sprintf("\n| %s%d | ", group, i)), "%s%d", group, i)
		}
	}
	var tests strings.Builder
	require.NoError(t, filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	}))
	for _, name := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(list, -1) {
		require.Contains(t, tests.String(), "func "+name+"(", "the list names a test that is not there")
	}
}
