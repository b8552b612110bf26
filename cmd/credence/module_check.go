package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine/wasmhost"
)

func newModuleCheckCommand(w *world) *cobra.Command {
	a := newAuthor(w)
	cmd := &cobra.Command{
		Use:   "check FILE.wasm",
		Short: "Judge a module as an upload and a deployment would, and say all that is wrong",
		Long: "Judge a module as an upload and a deployment would, and say all that is wrong: its structure, its exports and imports, its manifest, and then\n" +
			"some twenty calls on an empty state that is forgotten, without http. Errors refuse the module, warnings are worth a look.\n\n" +
			"Exit codes: 0 without an error, 1 with one.",
		Args: takes("FILE.wasm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			return a.check(cmd, args[0], wasm)
		},
	}
	a.bindSettings(cmd)
	a.bindSample(cmd)
	a.bindOutput(cmd)
	first(cmd, a.readSettings)
	return cmd
}

// check prints the report about a module.
func (a *author) check(cmd *cobra.Command, name string, wasm []byte) error {
	r, err := a.runtime(cmd.Context(), slog.LevelInfo)
	if err != nil {
		return err
	}
	defer r.Close()
	options := wasmhost.CheckOptions{Config: a.config.value, Grants: a.grants.value}
	if a.sample.value != nil {
		if options.Sample, err = parseOperation(a.sample.value); err != nil {
			return err
		}
	}
	report, err := r.Check(cmd.Context(), wasm, options)
	if err != nil {
		return err
	}
	if err := a.printReport(name, report); err != nil {
		return err
	}
	if report.Failed() {
		return errRejected
	}
	return nil
}

// reportDocument is the form of a report for programs.
type reportDocument struct {
	Accepted bool               `json:"accepted"`
	Name     string             `json:"name,omitempty"`
	Version  string             `json:"version,omitempty"`
	Digest   string             `json:"digest"`
	Manifest json.RawMessage    `json:"manifest,omitempty"`
	Calls    int                `json:"calls"`
	Findings []wasmhost.Finding `json:"findings"`
}

func (a *author) printReport(name string, report wasmhost.Report) error {
	if a.format != output.Table {
		return a.print(reportDocument{
			Accepted: !report.Failed(), Name: report.Module.Name, Version: report.Module.Release, Digest: string(report.Module.Digest),
			Manifest: report.Module.Manifest, Calls: report.Steps, Findings: append([]wasmhost.Finding{}, report.Findings...),
		}, output.Rows{})
	}
	_, err := fmt.Fprint(a.w.stdout, findingLines(report.Findings)+output.Clean(verdict(name, report))+"\n")
	return err
}

// findingLines are the findings, a line each.
func findingLines(all []wasmhost.Finding) string {
	var text strings.Builder
	for _, f := range all {
		fmt.Fprintf(&text, "%-7s  %s  [%s]\n", f.Severity, output.Clean(f.Message), f.Code)
	}
	return text.String()
}

// verdict is the last line of a report.
func verdict(name string, report wasmhost.Report) string {
	if m := report.Module; m.Name != "" {
		name += " (" + m.Name + " " + m.Release + ")"
	}
	count := map[wasmhost.Severity]int{}
	for _, f := range report.Findings {
		count[f.Severity]++
	}
	switch {
	case report.Failed():
		return fmt.Sprintf("%s would be refused: %s, %s", name, plural(count[wasmhost.SeverityError], "error"), plural(count[wasmhost.SeverityWarning], "warning"))
	case len(report.Findings) > 0:
		return fmt.Sprintf("%s passes, with %s and after %s on trial", name, plural(count[wasmhost.SeverityWarning], "warning"), plural(report.Steps, "call"))
	}
	return fmt.Sprintf("%s passes, after %s on trial", name, plural(report.Steps, "call"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
