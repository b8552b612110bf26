package engine_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestAModuleIsStoredInPiecesAndCheckedWhenLoaded(t *testing.T) {
	w := newWorld(t)
	big := &script{text: string(bytes.Repeat([]byte("x"), 1_300_000)), lookup: always(engine.Available)}
	wasm := w.runtime.add(big)
	out, err := w.UploadModule(t.Context(), admin, wasm)
	require.NoError(t, err)
	require.True(t, out.Created)
	m := out.Module
	require.Equal(t, 3, m.Chunks)
	require.Equal(t, engine.DigestOf(wasm), m.Digest)
	again, err := w.UploadModule(t.Context(), admin, wasm)
	require.NoError(t, err)
	require.Equal(t, engine.Uploaded{Module: m}, again)

	_, err = w.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "chunk/" + string(m.Digest[7:]) + "/0001", Value: []byte("damaged")}}})
	require.NoError(t, err)
	_, err = w.DeployService(t.Context(), admin, "NEW", engine.ServiceSpec{Module: m.Digest}, engine.DeployOptions{})
	requireCode(t, engine.CodeModuleFault, err)
}

func TestARepeatedUploadGetsTheFirstAnswer(t *testing.T) {
	w := newWorld(t)
	one, two := w.runtime.add(&script{}), w.runtime.add(&script{})
	caller := admin
	caller.Idempotency = &engine.Idempotency{Key: "k", Request: [32]byte{1}}
	first, err := w.UploadModule(t.Context(), caller, one)
	require.NoError(t, err)
	again, err := w.UploadModule(t.Context(), caller, one)
	require.NoError(t, err)
	require.Equal(t, first, again)
	caller.Idempotency = &engine.Idempotency{Key: "k", Request: [32]byte{2}}
	_, err = w.UploadModule(t.Context(), caller, two)
	requireCode(t, engine.CodeReused, err)
}

func TestDeployRefuses(t *testing.T) {
	w := newWorld(t)
	good := w.upload(&script{lookup: always(engine.Available)})
	bad := w.upload(&script{startError: engine.Errorf(engine.CodeInvalid, "bad configuration")})
	w.deploy("TAKEN", &script{lookup: always(engine.Available)})
	for name, test := range map[string]struct {
		name    engine.ServiceName
		spec    engine.ServiceSpec
		options engine.DeployOptions
		code    engine.Code
	}{
		"a built-in name":         {"Internal", engine.ServiceSpec{Module: good}, engine.DeployOptions{}, engine.CodeConflict},
		"a malformed name":        {"a/b", engine.ServiceSpec{Module: good}, engine.DeployOptions{}, engine.CodeInvalid},
		"a malformed digest":      {"NEW", engine.ServiceSpec{Module: "latest"}, engine.DeployOptions{}, engine.CodeInvalid},
		"an unknown module":       {"NEW", engine.ServiceSpec{Module: engine.DigestOf([]byte("none"))}, engine.DeployOptions{}, engine.CodeInvalid},
		"configuration no object": {"NEW", engine.ServiceSpec{Module: good, Config: []byte(`[1]`)}, engine.DeployOptions{}, engine.CodeInvalid},
		"what cannot start":       {"NEW", engine.ServiceSpec{Module: bad}, engine.DeployOptions{}, engine.CodeInvalid},
		"an old version":          {"TAKEN", engine.ServiceSpec{Module: good}, engine.DeployOptions{IfMatch: 1}, engine.CodeStale},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.DeployService(t.Context(), admin, test.name, test.spec, test.options)
			requireCode(t, test.code, err)
		})
	}
	_, err := w.Service(t.Context(), "NEW")
	requireCode(t, engine.CodeNotFound, err)
}

func TestValidateOnlyWritesNothing(t *testing.T) {
	w := newWorld(t)
	s := &script{lookup: always(engine.Available)}
	_, err := w.DeployService(t.Context(), admin, "NEW", engine.ServiceSpec{Module: w.upload(s)}, engine.DeployOptions{ValidateOnly: true})
	require.NoError(t, err)
	require.EqualValues(t, 1, s.closed.Load())
	_, err = w.Service(t.Context(), "NEW")
	requireCode(t, engine.CodeNotFound, err)
}

func TestCallsInFlightFinishOnTheOldModule(t *testing.T) {
	w := newWorld(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	old := &script{lookup: func(_ *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		close(entered)
		<-leave
		return engine.Credentials{ID: id, Status: engine.Available}, nil
	}}
	w.deploy("NEW", old)
	app := w.app("NEW")
	var group sync.WaitGroup
	group.Go(func() {
		v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "in flight"})
		if err != nil || !v.Accepted {
			t.Errorf("the call in flight: %v %v", v, err)
		}
	})
	<-entered
	var status atomic.Value
	status.Store(engine.Revoked)
	replacement := &script{lookup: func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		return always(status.Load().(engine.Status))(tx, id)
	}}
	w.deploy("NEW", replacement)
	require.Equal(t, engine.ReasonRevoked, w.verify(app, "new call", "").Reason)
	require.Zero(t, old.closed.Load(), "closed under a call")
	// The claim of the call in flight read the service's record: it conflicts
	// and runs again, on the new module, so that no operation mixes two.
	status.Store(engine.Available)
	close(leave)
	group.Wait()
	require.EqualValues(t, 1, old.closed.Load())
	w.Close()
	require.EqualValues(t, 1, replacement.closed.Load())
}

func TestRevisionsAndRollback(t *testing.T) {
	w := newWorld(t)
	var digests []engine.Digest
	for i := range engine.KeptRevisions + 2 {
		d := w.upload(&script{lookup: always(engine.Available)})
		digests = append(digests, d)
		s, err := w.DeployService(t.Context(), admin, "NEW", engine.ServiceSpec{Module: d, Description: fmt.Sprint(i)}, engine.DeployOptions{})
		require.NoError(t, err)
		require.Equal(t, i+1, s.Number)
	}
	revisions, err := w.ServiceRevisions(t.Context(), "NEW")
	require.NoError(t, err)
	require.Len(t, revisions, engine.KeptRevisions)
	require.Equal(t, 3, revisions[0].Number)

	back, err := w.RollbackService(t.Context(), admin, "NEW", 0, engine.DeployOptions{})
	require.NoError(t, err)
	require.Equal(t, digests[len(digests)-2], back.Module)
	require.Equal(t, engine.KeptRevisions+3, back.Number)
	_, err = w.RollbackService(t.Context(), admin, "NEW", back.Number, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)
	_, err = w.RollbackService(t.Context(), admin, "NEW", 1, engine.DeployOptions{})
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.RollbackService(t.Context(), admin, "Internal", 0, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)

	requireCode(t, engine.CodeConflict, w.DeleteModule(t.Context(), admin, digests[5], 0))
	require.NoError(t, w.DeleteModule(t.Context(), admin, digests[0], 0), "no revision refers to it any more")
	_, err = w.Module(t.Context(), digests[0])
	requireCode(t, engine.CodeNotFound, err)
}

// Somebody deploys while a rollback starts its target: that is refused.
func TestADeploymentGivesWayToARollbackUnderWay(t *testing.T) {
	w := newWorld(t)
	first := &script{lookup: always(engine.Revoked)}
	late := &script{lookup: always(engine.Available)}
	first.onStart = func(times int32) {
		if times == 2 {
			_, err := w.DeployService(t.Context(), admin, "NEW", engine.ServiceSpec{Module: w.upload(late)}, engine.DeployOptions{})
			requireCode(t, engine.CodeConflict, err)
		}
	}
	w.deploy("NEW", first)
	w.deploy("NEW", &script{lookup: always(engine.InUse)})
	s, err := w.RollbackService(t.Context(), admin, "NEW", 0, engine.DeployOptions{})
	require.NoError(t, err)
	require.Equal(t, 3, s.Number)
	require.Equal(t, engine.ReasonRevoked, w.verify(w.app("NEW"), "id", "ep").Reason)
	require.Zero(t, late.started.Load())
	require.EqualValues(t, 1, first.closed.Load(), "the first of its two starts was replaced")
}

func TestAServiceInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	s := &script{lookup: always(engine.Available)}
	w.deploy("NEW", s)
	app := w.app("NEW")
	requireCode(t, engine.CodeConflict, w.DeleteService(t.Context(), admin, "NEW", 0))
	trustful := engine.Trustful
	_, err := w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{Service: &trustful}, 0)
	require.NoError(t, err)
	require.NoError(t, w.DeleteService(t.Context(), admin, "NEW", 0))
	require.EqualValues(t, 1, s.closed.Load())
	requireCode(t, engine.CodeNotFound, w.DeleteService(t.Context(), admin, "NEW", 0))
	requireCode(t, engine.CodeConflict, w.DeleteService(t.Context(), admin, "Trustful", 0))
	name := engine.ServiceName("NEW")
	_, err = w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{Service: &name}, 0)
	requireCode(t, engine.CodeInvalid, err)
	require.ErrorContains(t, err, "Internal, Trustful")
}

// A service is never deleted under an application that is being created.
func TestDeletingAServiceRacesWithItsUse(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		name := engine.ServiceName(fmt.Sprint("NEW", i))
		w.deploy(name, &script{lookup: always(engine.Available)})
		var created, deleted error
		var group sync.WaitGroup
		group.Go(func() {
			_, created = w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: string(name), Service: name})
		})
		group.Go(func() { deleted = w.DeleteService(t.Context(), admin, name, 0) })
		group.Wait()
		require.False(t, created == nil && deleted == nil, "both the use and the deletion succeeded")
		require.False(t, created != nil && deleted != nil, "neither succeeded: %v, %v", created, deleted)
	}
}

// Another node deploys: this one has the service ready without being asked.
func TestServicesDeployedElsewhereAreStarted(t *testing.T) {
	w := newWorld(t)
	other := newWorldOn(t, w.store)
	early, late := &script{text: "early", lookup: always(engine.Available)}, &script{text: "late", lookup: always(engine.Available)}
	here := &script{text: "early", lookup: always(engine.Available)}
	w.runtime.add(here)
	hereLate := &script{text: "late", lookup: always(engine.Available)}
	w.runtime.add(hereLate)
	other.deploy("EARLY", early)
	w.runs()
	require.Eventually(t, func() bool { return here.started.Load() == 1 }, 5*time.Second, 5*time.Millisecond)
	other.deploy("LATE", late)
	require.Eventually(t, func() bool { return hereLate.started.Load() == 1 }, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, other.DeleteService(t.Context(), admin, "LATE", 0))
	require.Eventually(t, func() bool { return hereLate.closed.Load() == hereLate.started.Load() }, 5*time.Second, 5*time.Millisecond)
}
