package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
)

// module is the import path of the repository.
const module = "github.com/credence-engine/credence"

// source is one parsed Go file.
type source struct {
	file    string // relative to the repository, with slashes
	test    bool   // its name ends in _test.go
	lines   int
	tree    *ast.File
	fileSet *token.FileSet
}

func parseSource(file string, content []byte) (source, error) {
	fileSet := token.NewFileSet()
	tree, err := parser.ParseFile(fileSet, file, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("cannot parse %s: %w", file, err)
	}
	return source{
		file:    file,
		test:    strings.HasSuffix(file, "_test.go"),
		lines:   strings.Count(string(content), "\n"),
		tree:    tree,
		fileSet: fileSet,
	}, nil
}

func (s source) dir() string { return path.Dir(s.file) }

func (s source) generated() bool { return ast.IsGenerated(s.tree) }

// at is the place of a node, for messages.
func (s source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.file, s.fileSet.Position(node.Pos()).Line)
}

func (s source) imports() []string {
	var all []string
	for _, spec := range s.tree.Imports {
		all = append(all, strings.Trim(spec.Path.Value, `"`))
	}
	return all
}

// layers says which folders may import which, apart from their own. The first
// folder that holds a package is its layer, so the deeper ones come first.
var layers = []struct {
	folder string
	may    []string
}{
	{"engine/etcdstore", []string{"engine"}},
	{"engine/wasmhost", []string{"engine", "wasmabi"}},
	{"engine/rest", []string{"engine"}},
	{"engine/enginetest", []string{"engine"}},
	{"engine", nil},
	{"builtin", []string{"engine"}},
	{"config", nil},
	{"wasmabi/guest", []string{"wasmabi"}},
	{"wasmabi", nil},
	{"examples", []string{"wasmabi", "wasmabi/guest"}},
	{"cmd", []string{
		"engine", "engine/etcdstore", "engine/wasmhost", "engine/rest", "builtin", "config", "wasmabi", "wasmabi/guest",
	}},
}

// layerOf is the folder in layers that holds dir, or "".
func layerOf(dir string) string {
	for _, layer := range layers {
		if dir == layer.folder || strings.HasPrefix(dir, layer.folder+"/") {
			return layer.folder
		}
	}
	return ""
}

func allowedFrom(layer string) []string {
	for _, l := range layers {
		if l.folder == layer {
			return l.may
		}
	}
	return nil
}

func knowsTheEngine(layer string) bool {
	return layer == "engine" || slices.Contains(allowedFrom(layer), "engine")
}

// forTests are what tests of such layers may import besides: the conformance
// suites with the memory store, and the services that need no sandbox.
var forTests = []string{"engine/enginetest", "builtin"}

// onlyArrowsTowardsTheEngine checks the imports of our own packages. Tests
// beside the commands put everything together and import anything.
func onlyArrowsTowardsTheEngine(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		from := layerOf(s.dir())
		if from == "cmd" && s.test {
			continue
		}
		for _, imported := range s.imports() {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := layerOf(strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"))
			switch {
			case from != "" && from == to, slices.Contains(allowedFrom(from), to):
			case s.test && knowsTheEngine(from) && slices.Contains(forTests, to):
			case to == "engine/enginetest" && !s.test:
				wrong = append(wrong, fmt.Sprintf("%s imports %s: only _test.go files may; move the code into a test", s.file, imported))
			default:
				wrong = append(wrong, fmt.Sprintf(
					"%s imports %s: %s may import %q of ours; say what you need as an interface of engine and let cmd connect the two",
					s.file, imported, from, allowedFrom(from)))
			}
		}
	}
	return wrong
}

// owners says which folder alone may import a technology.
var owners = []struct{ prefix, folder string }{
	{"go.etcd.io/", "engine/etcdstore"},
	{"github.com/tetratelabs/wazero", "engine/wasmhost"},
	{"github.com/gofiber/", "engine/rest"},
	{"github.com/valyala/fasthttp", "engine/rest"},
}

func technologiesStayWithTheirOwner(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		layer := layerOf(s.dir())
		if layer == "cmd" && s.test {
			continue
		}
		for _, imported := range s.imports() {
			for _, owner := range owners {
				if strings.HasPrefix(imported, owner.prefix) && layer != owner.folder {
					wrong = append(wrong, fmt.Sprintf("%s imports %s: only %s may; go through its contract in engine",
						s.file, imported, owner.folder))
				}
			}
		}
	}
	return wrong
}

// abiIsStandardLibraryOnly keeps the code that is compiled into guests free of
// other modules.
func abiIsStandardLibraryOnly(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		if s.test || (layerOf(s.dir()) != "wasmabi" && layerOf(s.dir()) != "wasmabi/guest") {
			continue
		}
		for _, imported := range s.imports() {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(imported, module+"/") {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: guests are built with the standard library only; write it by hand", s.file, imported))
			}
		}
	}
	return wrong
}

func everyPackageIsDescribed(sources []source) []string {
	described := map[string]bool{}
	for _, s := range sources {
		if !s.test {
			described[s.dir()] = described[s.dir()] || s.tree.Doc != nil
		}
	}
	var wrong []string
	for dir, ok := range described {
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s has no package comment: say above one package clause what the package is for", dir))
		}
	}
	return wrong
}

// vague are names that say nothing about what is inside.
var vague = []string{"base", "common", "helper", "helpers", "lib", "misc", "shared", "tools", "util", "utils"}

func packagesAreNamedAfterWhatTheyHold(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		name := strings.TrimSuffix(s.tree.Name.Name, "_test")
		if slices.Contains(vague, name) || slices.Contains(vague, path.Base(s.dir())) {
			wrong = append(wrong, fmt.Sprintf("%s is in a package named %s: name it after the noun or verb inside, or move the code to its user", s.file, name))
		}
	}
	return wrong
}

// The style asks for about 400 lines; a few more are no reason to stop.
const longestFile = 450

func filesAreShort(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		if !s.test && !s.generated() && s.lines >= longestFile {
			wrong = append(wrong, fmt.Sprintf("%s has %d lines, the limit is %d: give each noun or verb a file of its own", s.file, s.lines, longestFile))
		}
	}
	return wrong
}

const longestFunction = 80

func functionsAreShort(sources []source) []string {
	var wrong []string
	for _, s := range sources {
		if s.test || s.generated() {
			continue
		}
		for _, declaration := range s.tree.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.fileSet.Position(function.End()).Line - s.fileSet.Position(function.Pos()).Line + 1
			if lines > longestFunction {
				wrong = append(wrong, fmt.Sprintf("%s: %s has %d lines, the limit is %d: give its steps names",
					s.at(function), function.Name.Name, lines, longestFunction))
			}
		}
	}
	return wrong
}

const mostMethods = 5

func interfacesAreSmall(sources []source) []string {
	byName := map[string]*ast.InterfaceType{} // folder and name -> type
	each := func(visit func(s source, name string, t *ast.InterfaceType)) {
		for _, s := range sources {
			ast.Inspect(s.tree, func(node ast.Node) bool {
				if spec, ok := node.(*ast.TypeSpec); ok {
					if t, ok := spec.Type.(*ast.InterfaceType); ok {
						visit(s, spec.Name.Name, t)
					}
				}
				return true
			})
		}
	}
	each(func(s source, name string, t *ast.InterfaceType) { byName[s.dir()+"."+name] = t })

	var wrong []string
	each(func(s source, name string, t *ast.InterfaceType) {
		if n := countMethods(s.dir(), t, byName, nil); n > mostMethods {
			wrong = append(wrong, fmt.Sprintf("%s: interface %s has %d methods, the limit is %d: split it by who calls what", s.at(t), name, n, mostMethods))
		}
	})
	return wrong
}

// countMethods counts the methods of embedded interfaces of the same package
// too. An embedded interface of another package counts as one.
func countMethods(dir string, t *ast.InterfaceType, byName map[string]*ast.InterfaceType, seen []*ast.InterfaceType) int {
	if slices.Contains(seen, t) {
		return 0
	}
	seen = append(seen, t)
	count := 0
	for _, field := range t.Methods.List {
		if len(field.Names) > 0 {
			count += len(field.Names)
			continue
		}
		name, isName := field.Type.(*ast.Ident)
		if embedded := byName[dir+"."+identName(name)]; isName && embedded != nil {
			count += countMethods(dir, embedded, byName, seen)
			continue
		}
		count++
	}
	return count
}

func identName(name *ast.Ident) string {
	if name == nil {
		return ""
	}
	return name.Name
}

// topLevel is what the repository shows first. Dot-files may stand beside it,
// and bin is where make builds.
var topLevel = []string{
	"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "builtin", "cmd", "config", "engine", "examples", "go.mod", "go.sum", "wasmabi",
}

func topLevelIsFixed(entries []string) []string {
	var wrong []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry, ".") && entry != "bin" && !slices.Contains(topLevel, entry) {
			wrong = append(wrong, fmt.Sprintf("%s does not belong at the top level: move it into one of %q", entry, topLevel))
		}
	}
	for _, entry := range topLevel {
		if !slices.Contains(entries, entry) {
			wrong = append(wrong, fmt.Sprintf("%s is missing at the top level", entry))
		}
	}
	return wrong
}
