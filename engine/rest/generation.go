package rest

import (
	"context"
	"time"

	"github.com/credence-engine/credence/engine"
)

// generationBody says how often the state was put back from a backup, as JSON.
type generationBody struct {
	Number         int             `json:"number"`
	RestoredAt     time.Time       `json:"restoredAt,omitzero"`
	Acknowledged   bool            `json:"acknowledged"`
	AcknowledgedAt time.Time       `json:"acknowledgedAt,omitzero"`
	AcknowledgedBy engine.UserName `json:"acknowledgedBy,omitzero"`
	// MayBeLost is between which times changes may be lost; Lost are the
	// revisions that are lost for certain, if any were given out.
	MayBeLost       *timeSpan       `json:"mayBeLost,omitzero"`
	Lost            []revisionSpan  `json:"lost,omitzero"`
	LastBackup      *backupBody     `json:"lastBackup,omitzero"`
	ResourceVersion engine.Revision `json:"resourceVersion,omitzero"`
}

// timeSpan has no beginning where that is not known.
type timeSpan struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to"`
}

// revisionSpan are the revisions above one, up to another.
type revisionSpan struct {
	Above engine.Revision `json:"above"`
	UpTo  engine.Revision `json:"upTo"`
}

type backupBody struct {
	At       time.Time       `json:"at"`
	Release  string          `json:"release,omitzero"`
	Revision engine.Revision `json:"revision"`
}

func generationOf(g engine.Generation, b engine.Backup) generationBody {
	body := generationBody{
		Number: g.Number, RestoredAt: g.RestoredAt, Acknowledged: g.Acknowledged(),
		AcknowledgedAt: g.AcknowledgedAt, AcknowledgedBy: g.AcknowledgedBy, ResourceVersion: g.Version,
	}
	if g.Number > 0 {
		body.MayBeLost = &timeSpan{From: g.BackupAt, To: g.RestoredAt}
	}
	for _, gap := range g.Gaps {
		body.Lost = append(body.Lost, revisionSpan{Above: gap.Kept, UpTo: gap.Lost})
	}
	if b.Version != 0 {
		body.LastBackup = &backupBody{At: b.At, Release: b.Release, Revision: b.Version}
	}
	return body
}

func (s *Server) getGeneration(ctx context.Context, _ *request) (reply, error) {
	g, err := s.engine.Generation(ctx)
	if err != nil {
		return reply{}, err
	}
	return s.answerGeneration(ctx, g)
}

type acknowledgement struct {
	Number int `json:"number"`
}

func (s *Server) acknowledgeGeneration(ctx context.Context, q *request) (reply, error) {
	in, err := decode[acknowledgement](q.body())
	if err != nil {
		return reply{}, err
	}
	g, err := s.engine.AcknowledgeGeneration(ctx, q.caller, in.Number)
	if err != nil {
		return reply{}, err
	}
	return s.answerGeneration(ctx, g)
}

func (s *Server) answerGeneration(ctx context.Context, g engine.Generation) (reply, error) {
	b, err := s.engine.LastBackup(ctx)
	return reply{body: generationOf(g, b), version: g.Version}, err
}
