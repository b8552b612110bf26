package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine/wasmhost"
)

func newModuleInspectCommand(w *world) *cobra.Command {
	a := newAuthor(w)
	var diffFile string
	cmd := &cobra.Command{
		Use:   "inspect FILE.wasm",
		Short: "Show what a module is and asks for, without running it (- reads the standard input)",
		Long: "Show what a module is and asks for, without running it (- reads the standard input).\n\n" +
			"Exit codes: 0 if it would be accepted as far as the file shows, 1 if not; with --diff, 1 if it also asks for more than the other one.",
		Args: takes("FILE.wasm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			r, err := a.runtime(cmd.Context(), slog.LevelInfo)
			if err != nil {
				return err
			}
			defer r.Close()
			anatomy := r.Dissect(wasm, wasmhost.CheckOptions{Grants: a.grants.value})
			if diffFile == "" {
				return a.printAnatomy(anatomy)
			}
			old, err := readInput(w, diffFile)
			if err != nil {
				return err
			}
			return a.printDiff(r.Dissect(old, wasmhost.CheckOptions{}), anatomy)
		},
	}
	cmd.Flags().StringVar(&diffFile, "diff", "", "show what changes from the module in this `file`, above all what is asked for beyond it")
	a.grants.bind(cmd, "grants", "capabilities that are granted, to judge by")
	a.bindOutput(cmd)
	first(cmd, func() error { return a.grants.read(w) })
	return cmd
}

// anatomyDocument is the form of an inspection for programs.
type anatomyDocument struct {
	Accepted     bool               `json:"accepted"`
	Digest       string             `json:"digest"`
	Bytes        int                `json:"bytes"`
	ABI          int                `json:"abi"`
	Name         string             `json:"name,omitempty"`
	Version      string             `json:"version,omitempty"`
	Description  string             `json:"description,omitempty"`
	Methods      []string           `json:"methods"`
	Capabilities json.RawMessage    `json:"capabilities,omitempty"`
	Imports      []wasmhost.Import  `json:"imports"`
	Sections     []wasmhost.Section `json:"sections"`
	Limits       limitsDocument     `json:"limits"`
	Findings     []wasmhost.Finding `json:"findings"`
}

type limitsDocument struct {
	MemoryStartPages uint32 `json:"memoryStartPages"`
	MemoryPages      uint32 `json:"memoryPages"`
	CallMs           int64  `json:"callMs"`
	ProvideMs        int64  `json:"provideMs"`
}

func documentOf(a wasmhost.Anatomy) anatomyDocument {
	m := a.Module
	return anatomyDocument{
		Accepted: !a.Failed(), Digest: string(m.Digest), Bytes: m.Size, ABI: m.ABI, Name: m.Name, Version: m.Release,
		Description: m.Description, Methods: append([]string{}, m.Methods...), Capabilities: askedBy(m.Manifest),
		Imports: append([]wasmhost.Import{}, a.Imports...), Sections: append([]wasmhost.Section{}, a.Sections...),
		Findings: append([]wasmhost.Finding{}, a.Findings...),
		Limits: limitsDocument{
			MemoryStartPages: a.MemoryStart, MemoryPages: a.MemoryPages,
			CallMs: a.CallTimeout.Milliseconds(), ProvideMs: a.ProvideTimeout.Milliseconds(),
		},
	}
}

// askedBy is the member "capabilities" of a manifest, or nil.
func askedBy(manifest json.RawMessage) json.RawMessage {
	var m struct {
		Capabilities json.RawMessage `json:"capabilities"`
	}
	if len(manifest) == 0 || json.Unmarshal(manifest, &m) != nil {
		return nil
	}
	return m.Capabilities
}

// printAnatomy shows a module.
func (a *author) printAnatomy(anatomy wasmhost.Anatomy) error {
	d := documentOf(anatomy)
	var rows output.Rows
	rows.Add("digest", d.Digest)
	rows.Add("name", d.Name)
	rows.Add("version", d.Version)
	rows.Add("description", d.Description)
	rows.Add("size", sizeText(d.Bytes))
	rows.Add("methods", strings.Join(d.Methods, ", "))
	rows.Add("capabilities", jsonText(d.Capabilities))
	for _, module := range slices.Sorted(maps.Keys(importsOf(anatomy))) {
		rows.Add("imports of "+module, strings.Join(importsOf(anatomy)[module], ", "))
	}
	if d.Limits.MemoryPages > 0 {
		rows.Add("memory", fmt.Sprintf("%s at first, at most %s", pagesText(d.Limits.MemoryStartPages), pagesText(d.Limits.MemoryPages)))
		rows.Add("time", fmt.Sprintf("%d ms for a lookup, %d ms for a provision", d.Limits.CallMs, d.Limits.ProvideMs))
	}
	for _, s := range d.Sections {
		rows.Add("section "+s.Name, sizeText(s.Bytes))
	}
	rows.Add("accepted", yesNo(d.Accepted))
	if err := a.print(d, rows); err != nil {
		return err
	}
	if a.format == output.Table {
		fmt.Fprint(a.w.stdout, findingLines(d.Findings))
	}
	if !d.Accepted {
		return errRejected
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// pagesText is a number of pages of 64 KiB.
func pagesText(pages uint32) string {
	const pagesPerMiB = 16
	if pages%pagesPerMiB == 0 {
		return fmt.Sprintf("%d MiB", pages/pagesPerMiB)
	}
	return fmt.Sprintf("%d KiB", pages*64)
}

// importsOf are the names of what is imported, by module.
func importsOf(a wasmhost.Anatomy) map[string][]string {
	names := map[string][]string{}
	for _, i := range a.Imports {
		names[i.Module] = append(names[i.Module], i.Name)
	}
	return names
}
