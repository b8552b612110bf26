package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine"
)

// The pauses between two tries to connect: they double.
const (
	firstReconnect   = 250 * time.Millisecond
	longestReconnect = 15 * time.Second
)

func newEventsCommand(r *remote) *cobra.Command {
	var (
		app    string
		limit  uint
		stream client.EventStream
	)
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Follow what happens, until interrupted",
		Long: "Follow what happens, until interrupted. When the connection is lost it is made again,\n" +
			"and goes on behind the last event. With -o json each event is one line.",
		Args: takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			if app != "" {
				var err error
				if stream.Filter.Application, err = c.ApplicationID(ctx, app); err != nil {
					return err
				}
			}
			f := &following{r: r, client: c, stream: &stream, left: limit}
			return f.run(ctx)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&app, "app", "", "only of this `application`, by its id or name")
	cmd.Flags().StringSliceVar(&stream.Filter.Types, "type", nil, "only events of this `type`; several with commas, or by repeating the flag")
	cmd.Flags().StringVar(&stream.LastID, "after", "", "begin behind this `revision`, instead of now")
	cmd.Flags().UintVar(&limit, "limit", 0, "end after this `number` of events; 0 goes on")
	completeFlag(cmd, "app", r.complete(appNames))
	types := make([]string, 0, len(engine.EventTypes()))
	for _, t := range engine.EventTypes() {
		types = append(types, string(t))
	}
	completeFlag(cmd, "type", fixed(types...))
	return cmd
}

// following is one run of the command.
type following struct {
	r      *remote
	client *client.Client
	stream *client.EventStream
	left   uint // events to show; 0: no end
}

var errEnough = errors.New("enough")

// run connects again and again. What a new try cannot mend ends it.
func (f *following) run(ctx context.Context) error {
	for pause := firstReconnect; ; {
		before := f.stream.LastID
		err := f.client.Follow(ctx, f.stream, f.show)
		refused, _ := errors.AsType[*client.Error](err)
		switch {
		case ctx.Err() != nil || errors.Is(err, errEnough):
			return nil //nolint:nilerr // so it is meant to end
		case errors.As(err, new(showError)):
			return err
		case refused != nil && refused.Status == http.StatusGone:
			fmt.Fprintf(f.r.w.stderr, "credence: what happened after revision %s is no longer kept; going on from now\n", output.Clean(before))
			f.stream.LastID = ""
		case refused != nil && refused.Status >= 400 && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			return err
		default:
			if f.stream.LastID != before {
				pause = firstReconnect
			}
			fmt.Fprintf(f.r.w.stderr, "credence: %s; connecting again\n", output.Clean(err.Error()))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, longestReconnect)
	}
}

// showError says that the events cannot be written.
type showError struct{ error }

func (f *following) show(e client.Answer[client.Event]) error {
	if err := f.write(f.r.w.stdout, e); err != nil {
		return showError{fmt.Errorf("cannot write an event: %w", err)}
	}
	if f.left > 0 {
		if f.left--; f.left == 0 {
			return errEnough
		}
	}
	return nil
}

func (f *following) write(to io.Writer, e client.Answer[client.Event]) error {
	var line bytes.Buffer
	switch f.r.format {
	case output.JSON:
		if err := json.Compact(&line, e.JSON); err != nil {
			return err
		}
	case output.YAML:
		line.WriteString("---\n")
		if err := output.Write(&line, output.YAML, e.JSON, output.Rows{}); err != nil {
			return err
		}
		_, err := line.WriteTo(to)
		return err
	default:
		line.WriteString(timeText(e.Value.At) + " " + output.Clean(e.Value.Type))
		for _, detail := range []struct{ name, value string }{
			{"application", e.Value.Application},
			{"credentials", e.Value.CredentialsID},
			{"endpoint", e.Value.EndpointID},
			{"session", e.Value.SessionID},
			{"service", e.Value.Service},
			{"revision", numberText(e.Value.ServiceRevision)},
			{"module", e.Value.Module},
			{"node", e.Value.Node},
			{"cause", e.Value.Cause},
			{"by", e.Value.User},
		} {
			if detail.value != "" {
				line.WriteString(" " + detail.name + "=" + output.Clean(detail.value))
			}
		}
	}
	line.WriteByte('\n')
	_, err := line.WriteTo(to)
	return err
}
