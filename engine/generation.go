package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Backup is the note that a backup leaves in the state that it copies, so that
// the copy itself says when it was made. Version is the note's revision: the
// copy holds that and more.
type Backup struct {
	At      time.Time `cbor:"1,keyasint"`
	Release string    `cbor:"2,keyasint,omitempty"` // of the program that made it

	Version Revision `cbor:"-"`
}

// Gap is what a restore has lost: the changes of the revisions above Kept, up
// to Lost. Other changes have those numbers never again.
type Gap struct {
	Kept Revision `cbor:"1,keyasint"`
	Lost Revision `cbor:"2,keyasint"`
}

// Generation counts how often the state was put back from a backup. What was
// changed after the backup is lost then, revocations among it, so each
// generation stays a problem of every node until an operator acknowledges it.
type Generation struct {
	Number     int       `cbor:"1,keyasint"` // 0: the state is the first and only one
	RestoredAt time.Time `cbor:"2,keyasint"`
	// BackupAt is up to when nothing is lost. Zero: that is not known.
	BackupAt       time.Time `cbor:"3,keyasint"`
	AcknowledgedAt time.Time `cbor:"4,keyasint"`
	AcknowledgedBy UserName  `cbor:"5,keyasint,omitempty"`
	// Gaps are what the restores have lost, by generation, where that is known.
	Gaps []Gap `cbor:"6,keyasint,omitempty"`

	Version Revision `cbor:"-"`
}

// Acknowledged tells that an operator has dealt with what may be lost.
func (g Generation) Acknowledged() bool { return g.Number == 0 || !g.AcknowledgedAt.IsZero() }

// lost returns the gap that a revision lies in, nil when it lies in none.
func (g Generation) lost(rev Revision) *Gap {
	i := slices.IndexFunc(g.Gaps, func(gap Gap) bool { return gap.Kept < rev && rev <= gap.Lost })
	if i < 0 {
		return nil
	}
	return &g.Gaps[i]
}

// span says in words between which times changes may be lost.
func (g Generation) span() string {
	since := "an unknown time"
	if !g.BackupAt.IsZero() {
		since = g.BackupAt.Format(time.RFC3339)
	}
	return since + " and " + g.RestoredAt.Format(time.RFC3339)
}

// warning says what an operator should see to.
func (g Generation) warning() string {
	return fmt.Sprintf("the state was restored from a backup (generation %d): revocations, ended sessions, deletions and claims made between %s may be lost. "+
		"Make the revocations again, then acknowledge: credence generation acknowledge %d", g.Number, g.span(), g.Number)
}

func decodeGeneration(r Record) (Generation, error) {
	if !r.Exists() {
		return Generation{}, nil
	}
	g := Generation{Version: r.Version}
	return g, decode(r, &g)
}

func decodeBackup(r Record) (Backup, error) {
	if !r.Exists() {
		return Backup{}, nil
	}
	b := Backup{Version: r.Version}
	return b, decode(r, &b)
}

func (tx *Tx) generation(ctx context.Context) (Generation, error) {
	r, err := tx.get(ctx, generationKey)
	if err != nil {
		return Generation{}, err
	}
	return decodeGeneration(r)
}

// NoteBackup leaves the note of a backup that is about to be made.
func (e *Engine) NoteBackup(ctx context.Context, caller Caller, release string) (Backup, error) {
	b := Backup{At: e.now(), Release: release}
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		tx.audit("backup.create", "", release)
		return tx.save(backupKey, b)
	})
	b.Version = rev
	return b, err
}

// LastBackup returns the newest note of a backup, zero when there is none.
func (e *Engine) LastBackup(ctx context.Context) (Backup, error) {
	snap, err := e.store.Read(ctx, Strict, backupKey)
	if err != nil {
		return Backup{}, err
	}
	return decodeBackup(snap.Records[0])
}

// Generation returns the present generation.
func (e *Engine) Generation(ctx context.Context) (Generation, error) {
	snap, err := e.store.Read(ctx, Strict, generationKey)
	if err != nil {
		return Generation{}, err
	}
	return decodeGeneration(snap.Records[0])
}

// RaiseGeneration begins a generation, on a state that was just restored.
// backupAt is when the backup was made, zero for the time of its note. kept is
// the last revision that the backup holds, 0 when that is not known.
func (e *Engine) RaiseGeneration(ctx context.Context, caller Caller, backupAt time.Time, kept Revision) (Generation, error) {
	var g Generation
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		old, err := tx.generation(ctx)
		if err != nil {
			return err
		}
		note, err := tx.get(ctx, backupKey)
		if err != nil {
			return err
		}
		b, err := decodeBackup(note)
		if err != nil {
			return err
		}
		g = Generation{Number: old.Number + 1, RestoredAt: e.now(), BackupAt: backupAt.UTC(), Gaps: old.Gaps}
		if backupAt.IsZero() {
			g.BackupAt = b.At
		}
		if 0 < kept && kept < tx.snapshot {
			g.Gaps = append(slices.Clone(old.Gaps), Gap{Kept: kept, Lost: tx.snapshot})
		}
		tx.audit("generation.raise", "", fmt.Sprint(g.Number))
		return tx.save(generationKey, g)
	})
	g.Version = rev
	return g, err
}

// AcknowledgeGeneration records that an operator has dealt with what may be
// lost in the generation of that number: CodeConflict when another one is the
// present one. Doing so again changes nothing.
func (e *Engine) AcknowledgeGeneration(ctx context.Context, caller Caller, number int) (Generation, error) {
	var g Generation
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) (err error) {
		g, err = tx.generation(ctx)
		if err != nil {
			return err
		}
		if g.Number != number || number == 0 {
			return Errorf(CodeConflict, "the state is of generation %d, not %d: see GET /v1/generation", g.Number, number)
		}
		if g.Acknowledged() {
			return nil
		}
		g.AcknowledgedAt, g.AcknowledgedBy, g.Version = e.now(), caller.User, 0
		tx.audit("generation.acknowledge", "", fmt.Sprint(number))
		return tx.save(generationKey, g)
	})
	g.Version = cmp.Or(g.Version, rev)
	return g, err
}
