package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// diffDocument is the form of a comparison for programs.
type diffDocument struct {
	From           string          `json:"from"`
	To             string          `json:"to"`
	Changes        []change        `json:"changes"`
	AsksForMore    json.RawMessage `json:"asksForMore,omitempty"`
	WouldBeRefused bool            `json:"wouldBeRefused"`
}

// change is one difference between two modules.
type change struct {
	What string `json:"what"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// printDiff shows what changes from one module to another.
func (a *author) printDiff(from, to wasmhost.Anatomy) error {
	old, fresh := documentOf(from), documentOf(to)
	d := diffDocument{From: old.Digest, To: fresh.Digest, Changes: []change{}, WouldBeRefused: !fresh.Accepted}
	granted := old.Capabilities
	if len(granted) == 0 {
		granted = json.RawMessage("{}")
	}
	more, err := wasmhost.Missing(to.Module.Manifest, granted)
	if err != nil {
		return fmt.Errorf("the capabilities cannot be compared: %w", err)
	}
	d.AsksForMore = more
	differ := func(what, from, to string) {
		if from != to {
			d.Changes = append(d.Changes, change{what, from, to})
		}
	}
	differ("name", old.Name, fresh.Name)
	differ("version", old.Version, fresh.Version)
	differ("size", sizeText(old.Bytes), sizeText(fresh.Bytes))
	differ("capabilities", jsonText(old.Capabilities), jsonText(fresh.Capabilities))
	differ("memory", pagesText(old.Limits.MemoryPages), pagesText(fresh.Limits.MemoryPages))
	listDiffer := func(what string, from, to []string) {
		differ(what, strings.Join(without(from, to), ", "), strings.Join(without(to, from), ", "))
	}
	listDiffer("methods", old.Methods, fresh.Methods)
	before, after := importsOf(from), importsOf(to)
	modules := maps.Clone(before)
	maps.Copy(modules, after)
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		listDiffer("imports of "+module, before[module], after[module])
	}

	rows := output.Rows{Header: []string{"WHAT", "BEFORE", "NOW"}}
	for _, c := range d.Changes {
		rows.Add(c.What, c.From, c.To)
	}
	if err := a.print(d, rows); err != nil {
		return err
	}
	if a.format == output.Table {
		fmt.Fprint(a.w.stdout, findingLines(to.Findings))
		if len(more) > 0 {
			fmt.Fprintf(a.w.stdout, "it asks for more than before: grant %s when you deploy it, or keep the old module\n", output.Clean(string(more)))
		}
	}
	if d.WouldBeRefused || len(more) > 0 {
		return errRejected
	}
	return nil
}

// without are the members of all that are not in those.
func without(all, those []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(those, one) })
}
