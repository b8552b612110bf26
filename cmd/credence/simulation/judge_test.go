package simulation

import (
	"context"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// judge looks for what must not be: in what the clients saw, and in all that
// the state has been through.
func (w *world) judge() {
	report := invariant.Check(w.record.History(), invariant.Rules{Audit: w.audit(), Search: 10 * time.Second})
	for _, v := range report.Violations {
		w.wrongf("%s", v)
	}
	if report.Undecided > 0 {
		w.wrongf("L: the search ran out of time")
	}
}

// audit is the audit log at the end.
func (w *world) audit() []invariant.Entry {
	entries := []invariant.Entry{}
	page, err := w.state.List(context.Background(), engine.ListRequest{Prefixes: []string{"audit/"}, Limit: engine.MaxListLimit})
	if err != nil || page.More {
		w.wrongf("the audit log cannot be read as a whole: %v", err)
	}
	for _, r := range page.Records {
		var entry engine.AuditEntry
		if err := cbor.Unmarshal(r.Value, &entry); err != nil {
			w.wrongf("I7: %s does not decode: %v", strings.TrimPrefix(r.Key, "audit/"), err)
		}
		one := invariant.Entry{Action: entry.Action, App: entry.Application, Target: entry.Target, Revision: r.Version}
		if len(entry.Targets) == 0 {
			entries = append(entries, one)
		}
		for _, target := range entry.Targets { // of an import
			one.Action, one.Target = "credentials.provision", target
			entries = append(entries, one)
		}
	}
	return entries
}
