package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost"
	"github.com/credence-engine/credence/wasmabi"
)

// methodNames are the names on the command line for the exports of a module.
var methodNames = map[string]string{
	"lookup": wasmabi.ExportLookup, "provide": wasmabi.ExportProvide,
	"mark-in-use": wasmabi.ExportMarkInUse, "mark-revoked": wasmabi.ExportMarkRevoked,
	"verify-proof": wasmabi.ExportVerifyProof,
}

// configureName asks for the start of an instance and nothing else.
const configureName = "configure"

// parseMethod finds the export behind a name.
func parseMethod(name string) (string, error) {
	export, known := methodNames[name]
	if !known {
		return "", usagef("there is no method %q: use one of %s", name, strings.Join(slices.Sorted(maps.Keys(methodNames)), ", "))
	}
	return export, nil
}

func newModuleRunCommand(w *world) *cobra.Command {
	a := newAuthor(w)
	a.format = output.JSON
	var o runOptions
	methods := append(slices.Sorted(maps.Keys(methodNames)), configureName)
	cmd := &cobra.Command{
		Use:   "run METHOD FILE.wasm",
		Short: "Run one operation of a module, on a state in a file",
		Long: "Run one operation of a module as a server would, on a state that a file keeps. METHOD is one of " + strings.Join(methods, ", ") + ".\n" +
			"What the module logs goes to the standard error.\n\n" +
			"Exit codes: 0 the module answered with OK, 1 it refused or failed, 2 wrong usage.",
		Example: `  credence module run provide my.wasm --kv state.json --input '{"id": "SN-1", "text": "a body"}'` + "\n" +
			`  credence module run lookup my.wasm --kv state.json --input '{"id": "SN-1"}'`,
		Args: takes("METHOD", "FILE.wasm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != configureName {
				export, err := parseMethod(args[0])
				if err != nil {
					return err
				}
				o.asked.Method = export
			}
			wasm, err := readInput(w, args[1])
			if err != nil {
				return err
			}
			return a.runOnce(cmd, args[0], wasm, o)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return methods, cobra.ShellCompDirectiveNoFileComp
		},
	}
	a.bindSettings(cmd)
	a.reach.bind(cmd)
	o.input.bind(cmd, "input", `what is asked, like {"id": "SN-1", "body": "base64", "text": "instead of body", "notAfter": "2030-01-01T00:00:00Z", "proof": {"type": "t", "value": "base64"}}`)
	cmd.Flags().StringVar(&o.stateFile, "kv", "", "`file` that holds the module's state between runs, JSON; made when it is not there")
	cmd.Flags().StringVar(&o.app, "app", "app", "`id` of the application that is asked about")
	a.bindOutput(cmd)
	first(cmd, func() error {
		if err := errors.Join(a.readSettings(), a.reach.read(w)); err != nil {
			return err
		}
		return o.read(w)
	})
	return cmd
}

// runOptions say what to run.
type runOptions struct {
	input     jsonFlag
	stateFile string
	app       string
	asked     wasmhost.Operation
}

// read reads the input.
func (o *runOptions) read(w *world) error {
	if err := o.input.read(w); err != nil {
		return err
	}
	asked, err := parseOperation(o.input.value)
	if err != nil {
		return err
	}
	o.asked = asked
	return nil
}

// parseOperation reads what --input says. Without an id there is "device".
func parseOperation(input json.RawMessage) (wasmhost.Operation, error) {
	in := struct {
		ID       string    `json:"id"`
		Body     []byte    `json:"body"`
		Text     *string   `json:"text"`
		NotAfter time.Time `json:"notAfter"`
		Proof    struct {
			Type      string  `json:"type"`
			Challenge []byte  `json:"challenge"`
			Value     []byte  `json:"value"`
			Text      *string `json:"text"`
		} `json:"proof"`
	}{ID: "device"}
	if len(input) > 0 {
		d := json.NewDecoder(strings.NewReader(string(input)))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			return wasmhost.Operation{}, usagef(`--input: %v: give "id", for credentials "body" in base64 (or "text") and "notAfter", and for a proof "proof" with "type", "challenge" and "value" (or "text")`, err)
		}
	}
	if in.Text != nil {
		in.Body = []byte(*in.Text)
	}
	if in.Proof.Text != nil {
		in.Proof.Value = []byte(*in.Proof.Text)
	}
	switch {
	case in.ID == "" || len(in.ID) > wasmabi.MaxIDBytes:
		return wasmhost.Operation{}, usagef("--input: the id has %d bytes: give 1 to %d", len(in.ID), wasmabi.MaxIDBytes)
	case len(in.Proof.Type) > wasmabi.MaxIDBytes || len(in.Proof.Challenge)+len(in.Proof.Value) > engine.MaxProofBytes:
		return wasmhost.Operation{}, usagef("--input: the proof is too large: its type may have %d bytes, challenge and value %d together", wasmabi.MaxIDBytes, engine.MaxProofBytes)
	case len(in.Body) > wasmabi.MaxBodyBytes:
		return wasmhost.Operation{}, usagef("--input: the body has %d bytes: give at most %d", len(in.Body), wasmabi.MaxBodyBytes)
	}
	return wasmhost.Operation{
		ID: in.ID, Body: in.Body, NotAfter: in.NotAfter,
		Proof: engine.Proof{Type: in.Proof.Type, Challenge: in.Proof.Challenge, Value: in.Proof.Value},
	}, nil
}

// outcomeDocument is the form of an outcome for programs.
type outcomeDocument struct {
	Method      string               `json:"method"`
	Status      string               `json:"status,omitempty"`
	Reason      string               `json:"reason,omitempty"`
	Fault       string               `json:"fault,omitempty"`
	Credentials *credentialsDocument `json:"credentials,omitempty"`
	Changed     bool                 `json:"changed"`
	Used        *usageDocument       `json:"used,omitempty"`
}

type credentialsDocument struct {
	ID       string     `json:"id"`
	Body     []byte     `json:"body,omitempty"`
	Status   string     `json:"status"`
	NotAfter *time.Time `json:"notAfter,omitempty"`
}

type usageDocument struct {
	Microseconds float64 `json:"microseconds"`
	HostCalls    int     `json:"hostCalls"`
	KvCalls      int     `json:"kvCalls"`
	Fuel         int64   `json:"fuel"`
	MemoryBytes  int     `json:"memoryBytes"`
}

// runOnce runs one operation, or the start alone, and prints what came of it.
func (a *author) runOnce(cmd *cobra.Command, name string, wasm []byte, o runOptions) error {
	r, err := a.runtime(cmd.Context(), slog.LevelDebug)
	if err != nil {
		return err
	}
	defer r.Close()
	options := wasmhost.SandboxOptions{Config: a.config.value, Grants: a.grants.value, Application: o.app, RequestID: "run"}
	a.reach.apply(&options)
	if o.stateFile != "" {
		if options.State, err = readState(o.stateFile); err != nil {
			return err
		}
	}
	box, err := r.Sandbox(cmd.Context(), wasm, options)
	if err != nil {
		return inWords(err)
	}
	defer box.Close()
	d := outcomeDocument{Method: name}
	if err := box.Start(cmd.Context()); err != nil {
		d.Fault = inWords(err).Error()
		return a.printOutcome(d)
	}
	if name == configureName {
		d.Status = wasmabi.OK.String()
		return a.printOutcome(d)
	}
	out, err := box.Do(cmd.Context(), o.asked)
	if err != nil {
		return inWords(err)
	}
	if out.Changed && o.stateFile != "" {
		if err := writeState(o.stateFile, box.State()); err != nil {
			return err
		}
	}
	d.fill(out)
	return a.printOutcome(d)
}

// inWords is an error of the engine for an author: the words without the code.
func inWords(err error) error {
	if e, ok := err.(*engine.Error); ok { //nolint:errorlint // the message of one inside says less
		return fmt.Errorf("%s", e.Message)
	}
	return err
}

func (d *outcomeDocument) fill(out wasmhost.Outcome) {
	if out.Fault != nil {
		d.Fault = inWords(out.Fault).Error()
	} else {
		d.Status, d.Reason = out.Status.String(), out.Reason
	}
	if c := out.Credentials; c != nil {
		d.Credentials = &credentialsDocument{ID: string(c.ID), Body: c.Body, Status: string(c.Status)}
		if !c.NotAfter.IsZero() {
			d.Credentials.NotAfter = &c.NotAfter
		}
	}
	d.Changed = out.Changed
	d.Used = &usageDocument{
		Microseconds: microseconds(out.Used.Time), HostCalls: out.Used.HostCalls, KvCalls: out.Used.KvCalls,
		Fuel: out.Used.Fuel, MemoryBytes: out.Used.Memory,
	}
}

func microseconds(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / float64(time.Microsecond)
}

// printOutcome prints an outcome, and fails unless the module answered with OK.
func (a *author) printOutcome(d outcomeDocument) error {
	var rows output.Rows
	rows.Add("status", d.Status)
	rows.Add("reason", d.Reason)
	rows.Add("fault", d.Fault)
	if c := d.Credentials; c != nil {
		rows.Add("credentials", c.ID)
		rows.Add("credentials status", c.Status)
		rows.Add("body", string(c.Body))
		if c.NotAfter != nil {
			rows.Add("not after", timeText(*c.NotAfter))
		}
	}
	if u := d.Used; u != nil {
		rows.Add("time", fmt.Sprintf("%.1f µs", u.Microseconds))
		rows.Add("host calls", fmt.Sprintf("%d, of them %d of kv", u.HostCalls, u.KvCalls))
		rows.Add("fuel", fmt.Sprint(u.Fuel))
		rows.Add("memory", sizeText(u.MemoryBytes))
	}
	if err := a.print(d, rows); err != nil {
		return err
	}
	if d.Status != wasmabi.OK.String() {
		return errRejected
	}
	return nil
}
