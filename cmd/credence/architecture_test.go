package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rules are the rules over the sources, by the name of their subtest.
var rules = []struct {
	name  string
	check func([]source) []string
}{
	{"imports point at the engine", onlyArrowsTowardsTheEngine},
	{"technologies stay with their owner", technologiesStayWithTheirOwner},
	{"the ABI is standard library only", abiIsStandardLibraryOnly},
	{"every package is described", everyPackageIsDescribed},
	{"packages are named after what they hold", packagesAreNamedAfterWhatTheyHold},
	{"files are short", filesAreShort},
	{"functions are short", functionsAreShort},
	{"interfaces are small", interfacesAreSmall},
}

func TestArchitecture(t *testing.T) {
	root := repository(t)
	sources := readSources(t, root)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) { report(t, rule.check(sources)) })
	}
	t.Run("the top level is fixed", func(t *testing.T) {
		entries, err := os.ReadDir(root)
		require.NoError(t, err)
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		report(t, topLevelIsFixed(names))
	})
}

func report(t *testing.T, wrong []string) {
	t.Helper()
	slices.Sort(wrong)
	for _, message := range slices.Compact(wrong) {
		t.Error(message)
	}
}

// repository is the folder that holds go.mod.
func repository(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	require.NoError(t, err)
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// readSources parses all Go files of our packages, for this machine and for
// guests: some packages have files for one of them only.
func readSources(t *testing.T, root string) []source {
	t.Helper()
	files := map[string]bool{}
	for _, target := range [][]string{nil, {"GOOS=wasip1", "GOARCH=wasm"}} {
		for _, file := range listFiles(t, root, target) {
			files[file] = true
		}
	}
	require.NotEmpty(t, files)

	var sources []source
	for file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		relative, err := filepath.Rel(root, file)
		require.NoError(t, err)
		s, err := parseSource(filepath.ToSlash(relative), content)
		require.NoError(t, err)
		sources = append(sources, s)
	}
	slices.SortFunc(sources, func(a, b source) int { return strings.Compare(a.file, b.file) })
	return sources
}

func listFiles(t *testing.T, root string, target []string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=Dir,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	list.Dir = root
	list.Env = append(os.Environ(), target...)
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	require.NoError(t, err, problems.String())

	var files []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                                          string
			GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
}

// TestArchitectureRulesCanFail gives each rule an input that it must refuse,
// and one close to it that it must accept.
func TestArchitectureRulesCanFail(t *testing.T) {
	const ours = module + "/"
	importing := func(pkg, path string) string { return "package " + pkg + "\nimport _ \"" + path + "\"\n" }
	lines := func(n int) string { return strings.Repeat("\n", n) }

	for _, c := range []struct {
		name, file, content string
		check               func([]source) []string
		refused             string // a part of the message; "" if accepted
	}{
		{"the engine imports a neighbour", "engine/verify.go", importing("engine", ours+"builtin"), onlyArrowsTowardsTheEngine, "engine may import"},
		{"the engine imports the suites", "engine/verify.go", importing("engine", ours+"engine/enginetest"), onlyArrowsTowardsTheEngine, "only _test.go files"},
		{"a test of the engine uses the suites", "engine/verify_test.go", importing("engine_test", ours+"engine/enginetest"), onlyArrowsTowardsTheEngine, ""},
		{"a command imports the suites", "cmd/credence/serve.go", importing("main", ours+"engine/enginetest"), onlyArrowsTowardsTheEngine, "only _test.go files"},
		{"a test of a command uses the suites", "cmd/credence/serve_test.go", importing("main", ours+"engine/enginetest"), onlyArrowsTowardsTheEngine, ""},
		{"neighbours meet", "engine/rest/app.go", importing("rest", ours+"engine/etcdstore"), onlyArrowsTowardsTheEngine, "engine/rest may import"},
		{"neighbours meet in a test", "engine/rest/app_test.go", importing("rest", ours+"engine/wasmhost"), onlyArrowsTowardsTheEngine, "engine/rest may import"},
		{"a test of a neighbour uses the native services", "engine/rest/app_test.go", importing("rest", ours+"builtin"), onlyArrowsTowardsTheEngine, ""},
		{"a neighbour uses the native services", "engine/rest/app.go", importing("rest", ours+"builtin"), onlyArrowsTowardsTheEngine, "engine/rest may import"},
		{"a test of the ABI uses the suites", "wasmabi/x_test.go", importing("wasmabi", ours+"engine/enginetest"), onlyArrowsTowardsTheEngine, "wasmabi may import"},
		{"a neighbour imports the engine", "engine/rest/kaa/app.go", importing("kaa", ours+"engine"), onlyArrowsTowardsTheEngine, ""},
		{"a folder below imports its parent", "engine/rest/kaa/app.go", importing("kaa", ours+"engine/rest"), onlyArrowsTowardsTheEngine, ""},
		{"the host imports the ABI", "engine/wasmhost/call.go", importing("wasmhost", ours+"wasmabi"), onlyArrowsTowardsTheEngine, ""},
		{"the host imports the SDK", "engine/wasmhost/call.go", importing("wasmhost", ours+"wasmabi/guest"), onlyArrowsTowardsTheEngine, "engine/wasmhost may import"},
		{"the ABI imports the engine", "wasmabi/status.go", importing("wasmabi", ours+"engine"), onlyArrowsTowardsTheEngine, "wasmabi may import"},
		{"the ABI imports the SDK", "wasmabi/status.go", importing("wasmabi", ours+"wasmabi/guest"), onlyArrowsTowardsTheEngine, "wasmabi may import"},
		{"the SDK imports the ABI", "wasmabi/guest/call.go", importing("guest", ours+"wasmabi"), onlyArrowsTowardsTheEngine, ""},
		{"an example imports the SDK's fake", "examples/go-x/main_test.go", importing("main", ours+"wasmabi/guest/guesttest"), onlyArrowsTowardsTheEngine, ""},
		{"an example imports the engine", "examples/go-x/main.go", importing("main", ours+"engine"), onlyArrowsTowardsTheEngine, "examples may import"},
		{"the configuration imports the engine", "config/load.go", importing("config", ours+"engine"), onlyArrowsTowardsTheEngine, "config may import"},
		{"someone imports a command", "builtin/trustful.go", importing("builtin", ours+"cmd/credence"), onlyArrowsTowardsTheEngine, "builtin may import"},
		{"a command imports everyone", "cmd/credence/serve.go", importing("main", ours+"engine/etcdstore"), onlyArrowsTowardsTheEngine, ""},
		{"another module of a similar name", "engine/verify.go", importing("engine", module+"-tools/x"), onlyArrowsTowardsTheEngine, ""},

		{"etcd in the engine", "engine/store.go", importing("engine", "go.etcd.io/etcd/client/v3"), technologiesStayWithTheirOwner, "only engine/etcdstore"},
		{"etcd in its place", "engine/etcdstore/tx.go", importing("etcdstore", "go.etcd.io/etcd/client/v3"), technologiesStayWithTheirOwner, ""},
		{"wazero in a command", "cmd/credence/module.go", importing("main", "github.com/tetratelabs/wazero/api"), technologiesStayWithTheirOwner, "only engine/wasmhost"},
		{"wazero in a test of a command", "cmd/credence/module_test.go", importing("main", "github.com/tetratelabs/wazero"), technologiesStayWithTheirOwner, ""},
		{"fiber in a test of the engine", "engine/verify_test.go", importing("engine", "github.com/gofiber/fiber/v2"), technologiesStayWithTheirOwner, "only engine/rest"},
		{"fasthttp in the configuration", "config/load.go", importing("config", "github.com/valyala/fasthttp"), technologiesStayWithTheirOwner, "only engine/rest"},
		{"fiber below its place", "engine/rest/kaa/app.go", importing("kaa", "github.com/gofiber/fiber/v2"), technologiesStayWithTheirOwner, ""},

		{"another module in the ABI", "wasmabi/status.go", importing("wasmabi", "golang.org/x/text"), abiIsStandardLibraryOnly, "standard library only"},
		{"another module in a test of the ABI", "wasmabi/status_test.go", importing("wasmabi", "github.com/stretchr/testify/require"), abiIsStandardLibraryOnly, ""},
		{"the standard library in the SDK", "wasmabi/guest/call.go", importing("guest", "encoding/binary"), abiIsStandardLibraryOnly, ""},

		{"no package comment", "engine/store.go", "package engine\n", everyPackageIsDescribed, "engine has no package comment"},
		{"a package comment", "engine/store.go", "// Package engine is.\npackage engine\n", everyPackageIsDescribed, ""},
		{"a comment that is apart", "engine/store.go", "// Package engine is.\n\npackage engine\n", everyPackageIsDescribed, "engine has no package comment"},

		{"a vague name", "engine/util/x.go", "package util\n", packagesAreNamedAfterWhatTheyHold, "engine/util/x.go"},
		{"a vague folder", "engine/helpers/x.go", "package engine\n", packagesAreNamedAfterWhatTheyHold, "engine/helpers/x.go"},
		{"a vague test package", "engine/x_test.go", "package common_test\n", packagesAreNamedAfterWhatTheyHold, "engine/x_test.go"},

		{"a long file", "engine/x.go", "package engine\n" + lines(longestFile), filesAreShort, "has 451 lines"},
		{"a long test", "engine/x_test.go", "package engine\n" + lines(longestFile), filesAreShort, ""},
		{"a long generated file", "engine/x.go", "// Code generated by x. DO NOT EDIT.\npackage engine\n" + lines(longestFile), filesAreShort, ""},
		{"a file that just fits", "engine/x.go", "package engine\n" + lines(longestFile-2), filesAreShort, ""},

		{"a long function", "engine/x.go", "package engine\nfunc f() {\n" + lines(longestFunction-1) + "}\n", functionsAreShort, "engine/x.go:2: f has 81 lines"},
		{"a function that just fits", "engine/x.go", "package engine\nfunc f() {\n" + lines(longestFunction-2) + "}\n", functionsAreShort, ""},
		{"a long method", "engine/x.go", "package engine\nfunc (t T) f() {\n" + lines(longestFunction) + "}\n", functionsAreShort, "f has 82 lines"},

		{"a large interface", "engine/x.go", "package engine\ntype I interface { A(); B(); C(); D(); E(); F() }\n", interfacesAreSmall, "interface I has 6 methods"},
		{"an interface that just fits", "engine/x.go", "package engine\ntype I interface { A(); B(); C(); D(); E() }\n", interfacesAreSmall, ""},
		{"a large interface in parts", "engine/x.go", "package engine\ntype J interface { A(); B(); C() }\ntype I interface { J; D(); E(); F() }\n", interfacesAreSmall, "interface I has 6 methods"},
		{"an interface with one of others", "engine/x.go", "package engine\ntype I interface { io.Closer; A(); B(); C(); D() }\n", interfacesAreSmall, ""},
		{"an interface that holds itself", "engine/x.go", "package engine\ntype I interface { I; A() }\n", interfacesAreSmall, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseSource(c.file, []byte(c.content))
			require.NoError(t, err)
			wrong := strings.Join(c.check([]source{s}), "\n")
			if c.refused == "" {
				require.Empty(t, wrong)
				return
			}
			require.Contains(t, wrong, c.refused)
		})
	}

	t.Run("the top level", func(t *testing.T) {
		require.Empty(t, topLevelIsFixed(append([]string{".git", "bin"}, topLevel...)))
		require.Len(t, topLevelIsFixed(append([]string{"pkg"}, topLevel...)), 1)
		require.Len(t, topLevelIsFixed(topLevel[1:]), 1)
	})
}
