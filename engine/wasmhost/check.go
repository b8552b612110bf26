package wasmhost

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/credence-engine/credence/engine"
)

// Severity says whether a finding stands in the way.
type Severity string

// The severities. A module with an error is refused: by the upload, if it can
// be seen in the file, or by the deployment. A warning is worth a look and
// stops nothing.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Finding is one thing that the conformance kit has to say about a module.
type Finding struct {
	Severity Severity `json:"severity"`
	// Code is stable: programs may branch on it.
	Code FindingCode `json:"code"`
	// Message says what is wrong, and what to do about it.
	Message string `json:"message"`

	refusal error // of an error: what an upload or a deployment answers
}

// Report is what the conformance kit found out about a module.
type Report struct {
	// Module says what the module is, as far as it could be read.
	Module engine.Module
	// Findings come in the order in which they were made. None means that the
	// module passed.
	Findings []Finding
	// Steps counts the calls of the module that were made on trial.
	Steps int
}

// Failed tells whether a finding stands in the way of the module.
func (r Report) Failed() bool { return findings(r.Findings).refusal() != nil }

// CheckOptions say with what a module is to be checked. The zero value is a
// service without configuration, with the grants and limits of a service that
// says nothing about them.
type CheckOptions struct {
	// Config, Grants and Limits are those of the service, as in a deployment.
	// Without grants the module is judged as if it was granted what it asks
	// for, and a warning says what that is beyond the grants by default.
	Config, Grants, Limits json.RawMessage
	// Sample names credentials that the service takes, for one that does not
	// take all. Its method and proof do not matter; without an id the check
	// makes one up.
	Sample Operation
}

// Check judges a module as an upload and a deployment would, and says all that
// it finds instead of the first. The calls that it makes run on an empty state
// that is forgotten, without http. The error is that of ctx: what
// is wrong with the module is in the report.
func (r *Runtime) Check(ctx context.Context, wasm []byte, o CheckOptions) (Report, error) {
	p, found := r.examine(wasm)
	report := Report{Module: p.describe(), Findings: found}
	report.Module.Size, report.Module.Digest = len(wasm), engine.DigestOf(wasm)
	if found.refusal() != nil {
		return report, ctx.Err()
	}
	p.warnOfGrants(o.Grants, (*findings)(&report.Findings))
	s, err := r.build(ctx, p, engine.Service{
		Name: "check", Module: report.Module.Digest, Config: o.Config, Grants: p.granted(o.Grants), Limits: o.Limits,
	})
	if err != nil {
		report.Findings = append(report.Findings, refusalOf(err))
		return report, ctx.Err()
	}
	defer s.Close()
	t := s.tried(ctx, trialToLast, o.Sample)
	report.Findings, report.Steps = append(report.Findings, t.found...), t.steps
	return report, ctx.Err()
}

// warnOfGrants says what has to be granted, if nothing is said about that.
func (p *program) warnOfGrants(given json.RawMessage, found *findings) {
	missing := grantedByDefault.missing(&p.manifest.capabilities)
	if len(given) > 0 || len(missing.names) == 0 {
		return
	}
	found.warnf(FoundGrantsNeeded, "the module asks for more than a service is granted by default, namely %s: deploy it with the grants %s",
		missing.words(), p.granted(nil))
}

// findings collects what a check finds.
type findings []Finding

// refuse adds an error. err is what an upload or a deployment answers.
func (f *findings) refuse(code FindingCode, err error) {
	*f = append(*f, Finding{SeverityError, code, messageOf(err), err})
}

func (f *findings) warnf(code FindingCode, format string, args ...any) {
	*f = append(*f, Finding{SeverityWarning, code, fmt.Sprintf(format, args...), nil})
}

// refusal is the first error, or nil.
func (f findings) refusal() error {
	i := slices.IndexFunc(f, func(one Finding) bool { return one.Severity == SeverityError })
	if i < 0 {
		return nil
	}
	return f[i].refusal
}
