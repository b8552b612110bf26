package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// problems are what the only node says an operator should see to.
func (w *world) problems() string {
	nodes, err := w.Nodes(w.t.Context(), engine.ListOptions{})
	require.NoError(w.t, err)
	if len(nodes.Items) == 0 {
		return "no node yet"
	}
	return strings.Join(nodes.Items[0].Problems, "\n")
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	require.Eventually(w.t, holds, soon, tick, what)
}

func TestARestoreStaysAProblemUntilItIsAcknowledged(t *testing.T) {
	w := newWorld(t)
	before, err := w.Generation(t.Context())
	require.NoError(t, err)
	require.Zero(t, before)
	backup, err := w.NoteBackup(t.Context(), admin, "1.2.3")
	require.NoError(t, err)
	noted, err := w.LastBackup(t.Context())
	require.NoError(t, err)
	require.Equal(t, backup, noted)

	w.advance(hour)
	app := w.app(engine.Trustful)
	w.verify(app, "seen-before-the-restore", "e")
	g, err := w.RaiseGeneration(t.Context(), admin, time.Time{}, backup.Version)
	require.NoError(t, err)
	require.Equal(t, 1, g.Number)
	require.Equal(t, backup.At, g.BackupAt)
	require.Equal(t, backup.At.Add(hour), g.RestoredAt)
	require.Equal(t, []engine.Gap{{Kept: backup.Version, Lost: g.Version - 1}}, g.Gaps)

	w.runs()
	span := fmt.Sprintf("between %s and %s may be lost", backup.At.Format(time.RFC3339), g.RestoredAt.Format(time.RFC3339))
	w.eventually("the node tells of it", func() bool { return strings.Contains(w.problems(), span) })
	_, err = w.AcknowledgeGeneration(t.Context(), admin, 2)
	requireCode(t, engine.CodeConflict, err)
	done, err := w.AcknowledgeGeneration(t.Context(), admin, 1)
	require.NoError(t, err)
	require.True(t, done.Acknowledged())
	require.Equal(t, admin.User, done.AcknowledgedBy)
	again, err := w.AcknowledgeGeneration(t.Context(), admin, 1)
	require.NoError(t, err)
	require.Equal(t, done, again, "acknowledging again changes nothing")
	w.eventually("all is well", func() bool { return w.problems() == "" })
}

func TestWhatARestoreHasLostCannotBeBuiltOn(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	kept := w.verify(app, "first", "e").Revision
	lost := w.verify(app, "second", "e").Revision
	g, err := w.RaiseGeneration(t.Context(), admin, w.now, kept)
	require.NoError(t, err)
	atLeast := func(rev engine.Revision) error {
		_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "first", EndpointID: "e", Consistency: engine.AtLeast(rev)})
		return err
	}
	w.runs()
	w.eventually("the node has heard of it", func() bool { return engine.CodeOf(atLeast(lost)) == engine.CodeCompacted })
	require.ErrorContains(t, atLeast(lost), "lost when the state was restored")
	require.NoError(t, atLeast(kept))
	require.NoError(t, atLeast(g.Version))
	w.eventually("who knows of it proves the loss", func() bool {
		return strings.Contains(w.problems(), fmt.Sprintf("clients know of revision %d, and the backup ends at %d", lost, kept))
	})
	second, err := w.RaiseGeneration(t.Context(), admin, w.now, 0)
	require.NoError(t, err)
	require.Equal(t, 2, second.Number)
	require.Equal(t, g.Gaps, second.Gaps, "what was lost stays lost")
	require.False(t, second.Acknowledged())
	requireCode(t, engine.CodeCompacted, atLeast(lost))
}

func TestARestoreOfUnknownOriginSaysSo(t *testing.T) {
	w := newWorld(t)
	w.app(engine.Trustful)
	_, err := w.RaiseGeneration(t.Context(), admin, time.Time{}, 0)
	require.NoError(t, err)
	w.runs()
	w.eventually("the node tells of it", func() bool { return strings.Contains(w.problems(), "between an unknown time and") })
}

// The acknowledgement is in the audit log in the same commit.
func TestAcknowledgingIsAudited(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	_, err := w.RaiseGeneration(t.Context(), admin, time.Time{}, 0)
	require.NoError(t, err)
	var written []string
	store.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
		for _, write := range c.Writes {
			written = append(written, strings.SplitAfter(write.Key, "/")[0])
		}
		return enginetest.Fault{}
	}})
	_, err = w.AcknowledgeGeneration(t.Context(), admin, 1)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"generation", "audit/"}, written)
}

// A token outlives the session that it was given for.
func TestATokenOfALostSessionProvesTheLoss(t *testing.T) {
	w := newSessionWorld(t)
	app := w.app(engine.Trustful)
	s := w.openSession(app, "id", "ep")
	_, err := w.EndSession(t.Context(), admin, app, s.ID)
	require.NoError(t, err)
	require.Empty(t, w.introspect(app, s.Token).Detail)
	_, err = w.RaiseGeneration(t.Context(), admin, w.now, s.Version-1)
	require.NoError(t, err)
	w.runs()
	w.eventually("the node has heard of it", func() bool { return w.introspect(app, s.Token).Detail != "" })
	in := w.introspect(app, s.Token)
	require.Equal(t, engine.ReasonSessionEnded, in.Reason)
	require.Contains(t, in.Detail, "after the backup")
	w.eventually("the loss is told", func() bool { return strings.Contains(w.problems(), "lost for certain") })
}
