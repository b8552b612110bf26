package wasmabi_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

// sdks are the SDKs in other languages than Go. What they have in common is
// tested here: that they read and write the messages of the vectors, and that
// their modules import no more than their code reaches.
var sdks = map[string]struct {
	// codec builds what reads lines of a message and its hex, and writes "ok",
	// the message encoded again and its fields, or "no" and why.
	codec func(t *testing.T) *exec.Cmd
	// module builds a service of the SDK's folder testdata.
	module func(t *testing.T, name string) []byte
}{
	"guest-as":   {asCodec, asModule},
	"guest-rust": {rustCodec, rustModule},
}

func TestEverySDKReadsAndWritesTheVectors(t *testing.T) {
	all := readVectors(t)
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := sdk.codec(t)
			lines := make([]string, 0, len(all.Valid)+len(all.Invalid))
			for _, v := range all.Valid {
				lines = append(lines, v.Message+" "+v.Hex)
			}
			for _, v := range all.Invalid {
				lines = append(lines, v.Message+" "+v.Hex)
			}
			answers := ask(t, cmd, lines)
			for i, v := range all.Valid {
				said, rest, _ := strings.Cut(answers[i], " ")
				require.Equal(t, "ok", said, "%s: %s", v.Name, rest)
				words := strings.Split(rest, " ")
				require.Equal(t, canonical(v), words[0], v.Name)
				require.ElementsMatch(t, flat(t, v), words[1:], v.Name)
			}
			for i, v := range all.Invalid {
				require.True(t, strings.HasPrefix(answers[len(all.Valid)+i], "no "), "%s: %s", v.Name, answers[len(all.Valid)+i])
			}

			lines, want := mutants(t, all)
			answers = ask(t, exec.Command(cmd.Path, cmd.Args[1:]...), lines)
			for i, answer := range answers {
				words := strings.Split(answer, " ")
				if want[i] == "no" {
					require.Equal(t, "no", words[0], "%s: %s", lines[i], answer)
				} else {
					require.Equal(t, want[i], strings.Join(words[:2], " "), lines[i])
				}
			}
		})
	}
}

// ask gives lines to a codec and returns its answers.
func ask(t *testing.T, cmd *exec.Cmd, lines []string) []string {
	t.Helper()
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	require.Len(t, answers, len(lines))
	return answers
}

// mutants cuts the short vectors at each byte and changes each byte, and tells
// what the decoder in Go says: "no", or "ok" and the message encoded again.
func mutants(t *testing.T, all vectors) (lines, want []string) {
	t.Helper()
	add := func(message string, raw []byte) {
		lines = append(lines, message+" "+hex.EncodeToString(raw))
		m := blank[message]()
		if m.Decode(raw) != nil {
			want = append(want, "no")
			return
		}
		want = append(want, "ok "+hex.EncodeToString(m.Append(nil)))
	}
	for _, v := range all.Valid {
		raw := unhex(t, v.Hex)
		if len(raw) > 160 {
			continue
		}
		for i := range raw {
			add(v.Message, raw[:i])
			for _, b := range []byte{0, 1, raw[i] ^ 1, raw[i] ^ 0x10, raw[i] ^ 0x80, raw[i] + 8, 0xc3, 0xff} {
				mutant := bytes.Clone(raw)
				mutant[i] = b
				add(v.Message, mutant)
			}
		}
	}
	return lines, want
}

func canonical(v validVector) string {
	if v.Canonical != "" {
		return v.Canonical
	}
	return v.Hex
}

// flat returns the fields of a vector as path=value: numbers in decimal, all
// else in hex, defaults left out.
func flat(t *testing.T, v validVector) []string {
	t.Helper()
	var fields any
	require.NoError(t, json.Unmarshal(v.Fields, &fields))
	all := []string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		name := path[strings.LastIndex(path, ".")+1:]
		switch value := value.(type) {
		case map[string]any:
			for key, inner := range value {
				walk(strings.TrimPrefix(path+"."+key, "."), inner)
			}
		case []any:
			for i, inner := range value {
				walk(path+"."+strconv.Itoa(i), inner)
			}
		case float64:
			all = append(all, path+"="+strconv.FormatUint(uint64(value), 10))
		case string:
			switch {
			case name == "expiresUnix":
			case name == "status":
				value = strconv.Itoa(slices.Index([]string{"UNSPECIFIED", "AVAILABLE", "IN_USE", "REVOKED"}, value))
			case slices.Contains([]string{"body", "challenge", "proof"}, name), v.Message == "KvPage":
				var raw []byte
				require.NoError(t, json.Unmarshal([]byte(strconv.Quote(value)), &raw))
				value = hex.EncodeToString(raw)
			default:
				value = hex.EncodeToString([]byte(value))
			}
			all = append(all, path+"="+value)
		}
	}
	walk("", fields)
	return all
}

// TestModulesOfEverySDKImportOnlyWhatTheirCodeReaches matters because the
// engine refuses a module that imports what its manifest does not ask for.
func TestModulesOfEverySDKImportOnlyWhatTheirCodeReaches(t *testing.T) {
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			imports, exports := read(t, sdk.module(t, "core"))
			for _, i := range wasmabi.Imports() {
				if i.Capability != wasmabi.Core {
					require.NotContains(t, imports, i.Name)
				}
			}
			require.Subset(t, imports, []string{wasmabi.ImportErrorWrite, wasmabi.ImportInputRead, wasmabi.ImportOutputWrite})
			for _, export := range []string{
				wasmabi.ExportMarker, wasmabi.ExportInitialize, wasmabi.ExportConfigure, wasmabi.ExportLookup, wasmabi.ExportProvide,
				wasmabi.ExportMarkInUse, wasmabi.ExportMarkRevoked, wasmabi.ExportMemory,
			} {
				require.Contains(t, exports, export)
			}
			require.NotContains(t, exports, wasmabi.ExportStart)
			require.NotContains(t, exports, wasmabi.ExportVerifyProof, "the engine takes it for the promise to judge proofs")

			imports, exports = read(t, sdk.module(t, "full"))
			for _, i := range wasmabi.Imports() {
				require.Contains(t, imports, i.Name)
			}
			require.Contains(t, exports, wasmabi.ExportVerifyProof)
		})
	}
}

// read returns the imports and exports of a module; the former are all of this
// ABI, but for the abort of AssemblyScript.
func read(t *testing.T, module []byte) (imports, exports []string) {
	t.Helper()
	rest := bytes.NewBuffer(module[8:])
	for rest.Len() > 0 {
		id, _ := rest.ReadByte()
		section := bytes.NewBuffer(rest.Next(number(t, rest)))
		switch id {
		case 2:
			for range number(t, section) {
				from, name := text(t, section), text(t, section)
				if from+"."+name != "env.abort" {
					require.Equal(t, wasmabi.ImportModule, from, name)
					imports = append(imports, name)
				}
				kind, _ := section.ReadByte()
				require.Zero(t, kind, "%s.%s is no function", from, name)
				number(t, section)
			}
		case 7:
			for range number(t, section) {
				exports = append(exports, text(t, section))
				_, _ = section.ReadByte()
				number(t, section)
			}
		}
	}
	return imports, exports
}

func number(t *testing.T, b *bytes.Buffer) int {
	t.Helper()
	v, err := binary.ReadUvarint(b)
	require.NoError(t, err)
	return int(v)
}

func text(t *testing.T, b *bytes.Buffer) string {
	t.Helper()
	return string(b.Next(number(t, b)))
}

// needs skips the test when a tool is not there, unless the environment forbids
// it.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		_, err := exec.LookPath(tool)
		if _, stat := os.Stat(tool); err == nil || stat == nil {
			continue
		}
		if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
			t.Fatalf("%s is missing: 'make toolchains' installs it", tool)
		}
		t.Skipf("SKIPPED: %s is missing; 'make toolchains' installs it", tool)
	}
}

func run(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, out)
}

// rustc is Debian's: another one in the path may have no library for wasm32.
const rustc = "/usr/bin/rustc"

func rustCodec(t *testing.T) *exec.Cmd {
	t.Helper()
	needs(t, rustc)
	dir := t.TempDir()
	sdk, codec := filepath.Join(dir, "libcredence_guest.rlib"), filepath.Join(dir, "codec")
	run(t, "guest-rust", rustc, "--edition", "2021", "-D", "warnings", "--crate-type", "rlib", "--crate-name", "credence_guest", "-o", sdk, "src/lib.rs")
	run(t, "guest-rust", rustc, "--edition", "2021", "-D", "warnings", "--extern", "credence_guest="+sdk, "-o", codec, "testdata/vectors.rs")
	return exec.Command(codec)
}

func rustModule(t *testing.T, name string) []byte {
	t.Helper()
	needs(t, rustc, "/usr/lib/rustlib/wasm32-unknown-unknown", "wasm-ld-14")
	dir := t.TempDir()
	source, err := filepath.Abs("guest-rust/testdata/" + name + ".rs")
	require.NoError(t, err)
	out := filepath.Join(dir, name+".wasm")
	run(t, ".", "bash", "guest-rust/build.sh", source, out)
	module, err := os.ReadFile(out)
	require.NoError(t, err)
	return module
}

func TestTheSDKInRustPassesItsOwnTests(t *testing.T) {
	needs(t, rustc)
	tests := filepath.Join(t.TempDir(), "tests")
	run(t, "guest-rust", rustc, "--edition", "2021", "-D", "warnings", "--test", "--crate-name", "credence_guest", "-o", tests, "src/lib.rs")
	run(t, "guest-rust", tests)
}

func asCodec(t *testing.T) *exec.Cmd {
	t.Helper()
	return exec.Command("node", "guest-as/testdata/vectors.mjs", asBuild(t, "codec", "--optimizeLevel", "0"))
}

func asModule(t *testing.T, name string) []byte {
	t.Helper()
	module, err := os.ReadFile(asBuild(t, name))
	require.NoError(t, err)
	return module
}

// asBuild compiles a source of the SDK's folder testdata and returns the path
// of the module.
func asBuild(t *testing.T, name string, options ...string) string {
	t.Helper()
	needs(t, "node", "npm")
	out := filepath.Join(t.TempDir(), name+".wasm")
	run(t, ".", "bash", append([]string{"guest-as/build.sh", "guest-as/testdata/" + name + ".ts", out}, options...)...)
	return out
}

func TestTheSDKInAssemblyScriptPassesItsOwnTests(t *testing.T) {
	t.Setenv("CORE", asBuild(t, "core", "--optimizeLevel", "0"))
	t.Setenv("CODEC", asBuild(t, "codec", "--optimizeLevel", "0"))
	run(t, "guest-as", "node", "--test", "testdata/")
}
