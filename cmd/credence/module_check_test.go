package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repacked is the bare module with another manifest.
func repacked(t *testing.T, manifest string) string {
	t.Helper()
	path := file(t, "bare.wasm", bareModule)
	r := credence(t, nil, "", "module", "pack", path, "--manifest", file(t, "manifest.json", manifest), "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return path
}

// trapping is the bare module with a lookup that does not come back.
func trapping(t *testing.T) string {
	t.Helper()
	broken := strings.Replace(bareModule, "\x04\x00\x41\x03\x0b", "\x04\x00\x00\x01\x0b", 1) // unreachable, nop
	require.NotEqual(t, bareModule, broken)
	return file(t, "trap.wasm", broken)
}

func TestModuleCheckNeedsNoServerAndSaysHowItWent(t *testing.T) {
	clean := repacked(t, `{"abi":1,"name":"bare","version":"1.2.3"}`)
	r := credence(t, nil, "", "module", "check", clean)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Regexp(t, `^\S+bare\.wasm \(bare 1\.2\.3\) passes, after \d+ calls on trial\n$`, r.stdout)
	require.Empty(t, r.stderr)

	r = credence(t, nil, "", "module", "check", packed(t)) // asks for what it does not use
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, `leave "kv" out, so that operators need not grant it  [capability_unused]`)
	require.Contains(t, r.stdout, "passes, with 2 warnings")

	r = credence(t, nil, "", "module", "check", trapping(t))
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stdout, "error    the module trapped in a lookup on trial: wasm error: unreachable, in $2  [trial_trap]\n")
	require.Contains(t, r.stdout, "would be refused: 1 error, 1 warning\n")
	require.Empty(t, r.stderr, "the answer has said it")
}

func TestModuleCheckAnswersPrograms(t *testing.T) {
	r := credence(t, nil, "", "module", "check", packed(t), "--grants", `{"clock":{}}`, "--config", "{}", "-o", "json")
	require.Equal(t, exitFailed, r.code)
	var report reportDocument
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
	require.False(t, report.Accepted)
	require.Equal(t, "bare", report.Name)
	require.Zero(t, report.Calls)
	last := report.Findings[len(report.Findings)-1]
	require.Equal(t, "capability_missing", string(last.Code))
	require.Contains(t, last.Message, "namely kv")

	r = credence(t, nil, "", "module", "check", repacked(t, testManifest), "-o", "json")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, r.stdout, `"findings": []`)
}

func TestModuleCheckRefusesWrongUsage(t *testing.T) {
	path := packed(t)
	for says, args := range map[string][]string{
		"takes FILE.wasm":              {},
		"--config is no valid JSON":    {path, "--config", "{"},
		"the id has 0 bytes":           {path, "--input", `{"id":""}`},
		"does not speak to a server":   {path, "--server", "http://127.0.0.1:1"},
		"use one of table, json, yaml": {path, "-o", "xml"},
	} {
		r := credence(t, nil, "", append([]string{"module", "check"}, args...)...)
		require.Equal(t, exitUsage, r.code)
		require.Contains(t, r.stderr, says)
	}
	r := credence(t, nil, "", "module", "check", "/does/not/exist")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "no such file")
}

func TestModuleInspectShowsWhatAModuleIs(t *testing.T) {
	r := credence(t, nil, "", "module", "inspect", packed(t))
	require.Equal(t, exitDone, r.code, r.stderr)
	for field, want := range map[string]string{
		"name": "bare", "version": "1.2.3", "methods": "lookup_credentials", "capabilities": `{"kv":{},"clock":{}}`,
		"memory": "64 KiB at first, at most 16 MiB", "time": "250 ms for a lookup, 1000 ms for a provision",
		"section code": "11 bytes", "accepted": "yes",
	} {
		require.Equal(t, want, line(t, r.stdout, field))
	}
	fromStdin := credence(t, nil, bareModule, "module", "inspect", "-", "-o", "json")
	require.Equal(t, exitDone, fromStdin.code, fromStdin.stderr)
	var d anatomyDocument
	require.NoError(t, json.Unmarshal([]byte(fromStdin.stdout), &d))
	require.Len(t, bareModule, d.Bytes)
	require.True(t, d.Accepted)
	require.Equal(t, []string{"lookup_credentials"}, d.Methods)

	refused := credence(t, nil, "", "module", "inspect", packed(t), "--grants", `{"kv":{}}`)
	require.Equal(t, exitFailed, refused.code)
	require.Equal(t, "no", line(t, refused.stdout, "accepted"))
	require.Contains(t, refused.stdout, "namely clock: add that to the grants")

	damaged := credence(t, nil, bareModule[:40], "module", "inspect", "-")
	require.Equal(t, exitFailed, damaged.code)
	require.Contains(t, damaged.stdout, "[module_malformed]")
	require.Contains(t, damaged.stdout, "section type", "what can be read is shown")
}

// A manifest may be written over several lines, a table has one for each value.
func TestCapabilitiesAreShownOnOneLine(t *testing.T) {
	spread := repacked(t, "{\"abi\":1,\"name\":\"bare\",\"version\":\"1.2.3\",\"capabilities\":{\n  \"kv\": {},\n  \"clock\": {}\n}}")
	r := credence(t, nil, "", "module", "inspect", spread)
	require.JSONEq(t, `{"kv":{},"clock":{}}`, line(t, r.stdout, "capabilities"))
	r = credence(t, nil, "", "module", "inspect", spread, "--diff", packed(t))
	require.NotContains(t, r.stdout, "capabilities", "how it is written is no change")
}

func TestModuleInspectComparesTwoModules(t *testing.T) {
	old, fresh := repacked(t, `{"abi":1,"name":"bare","version":"1.0.0","capabilities":{"kv":{}}}`), packed(t)
	r := credence(t, nil, "", "module", "inspect", fresh, "--diff", old)
	require.Equal(t, exitFailed, r.code)
	require.Regexp(t, `version +1\.0\.0 +1\.2\.3\n`, r.stdout)
	require.Contains(t, r.stdout, `it asks for more than before: grant {"clock":{}} when you deploy it`)

	back := credence(t, nil, "", "module", "inspect", old, "--diff", fresh, "-o", "json")
	require.Equal(t, exitDone, back.code, back.stderr)
	var d diffDocument
	require.NoError(t, json.Unmarshal([]byte(back.stdout), &d))
	require.Empty(t, d.AsksForMore)
	require.NotEmpty(t, d.Changes)

	same := credence(t, nil, "", "module", "inspect", old, "--diff", old, "-o", "json")
	require.Contains(t, same.stdout, `"changes": []`)
}
