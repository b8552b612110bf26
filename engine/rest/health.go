package rest

import (
	"context"
	"errors"
	"time"

	"github.com/credence-engine/credence/engine"
)

// readyTimeout bounds the check behind /readyz.
const readyTimeout = 2 * time.Second

type health struct {
	Status string `json:"status"`
}

// live says that the process runs and answers.
func (s *Server) live(context.Context, *request) (reply, error) {
	return reply{body: health{Status: "ok"}}, nil
}

// ready says that this node can serve.
func (s *Server) ready(ctx context.Context, _ *request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := s.options.Ready(ctx)
	if err == nil {
		return reply{body: health{Status: "ready"}}, nil
	}
	message := "this node is not ready yet"
	if e, ok := errors.AsType[*engine.Error](err); ok {
		message = e.Message
	}
	return reply{}, engine.Wrap(err, engine.CodeUnavailable, message)
}

func (s *Server) version(context.Context, *request) (reply, error) {
	return reply{body: s.options.Version}, nil
}

func (s *Server) scrape(context.Context, *request) (reply, error) {
	text, err := s.metrics.text()
	return reply{text: text}, err
}
