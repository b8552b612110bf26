package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// A request of an import carries up to partLines lines or partBytes bytes,
// whichever comes first: small enough that little is sent again when one is
// lost.
const (
	partLines = 1000
	partBytes = 2 << 20
)

func newCredentialsImportCommand(r *remote) *cobra.Command {
	var (
		app string
		run = importRun{w: r.w}
	)
	cmd := &cobra.Command{
		Use:   "import --app APP FILE",
		Short: "Register the credentials of a file with a line of JSON for each",
		Long: "Register the credentials of a file with a line of JSON for each: {\"body\": BASE64, \"id\": TEXT, \"labels\": {KEY: VALUE}}, of which id and labels may be left out.\n\n" +
			"FILE - is the standard input. Lines that are refused are written to the standard error, and the others go on. " +
			"To import a file again is harmless. When the server is lost for good, the command says from which line to go on.",
		Args: takes("FILE"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			run.send = func(ctx context.Context, lines client.Lines) ([]client.ImportedLine, error) {
				return c.Import(ctx, id, lines)
			}
			if err = run.do(ctx, args[0]); run.progress.began.IsZero() {
				return err
			}
			return errors.Join(err, r.print(run.summary()))
		}),
	}
	bindApp(cmd, r, &app)
	cmd.Flags().IntVar(&run.parallel, "parallel", 4, "`number` of requests at a time")
	cmd.Flags().IntVar(&run.from, "from-line", 1, "first `line` to import")
	first(cmd, func() error {
		if run.parallel < 1 || run.parallel > 64 {
			return usagef("--parallel must be between 1 and 64")
		}
		if run.from < 1 {
			return usagef("--from-line counts from 1")
		}
		return nil
	})
	return cmd
}

// importPart is what one request carries.
type importPart struct {
	first, last int // lines of the file
	lines       client.Lines
}

// importRun imports one file.
type importRun struct {
	w              *world
	send           func(context.Context, client.Lines) ([]client.ImportedLine, error)
	parallel, from int
	progress       importProgress
}

func (i *importRun) do(ctx context.Context, path string) error {
	file, size, err := openInput(i.w, path)
	if err != nil {
		return err
	}
	defer file.Close()
	i.progress.begin(i.w.stderr, size)
	defer i.progress.end()

	group, working := errgroup.WithContext(ctx)
	parts := make(chan importPart)
	group.Go(func() error {
		defer close(parts)
		return i.cut(working, file, parts)
	})
	for range i.parallel {
		group.Go(func() error {
			for part := range parts {
				if err := i.deliver(working, part); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("%w; all lines before line %d are done, go on with --from-line %d", err, i.progress.next(i.from), i.progress.next(i.from))
	}
	if failed := i.progress.failed; failed > 0 {
		return fmt.Errorf("%d lines were refused: their reasons are above", failed)
	}
	return nil
}

func openInput(w *world, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(w.stdin), 0, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read the input: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// cut splits the file into parts.
func (i *importRun) cut(ctx context.Context, file io.Reader, parts chan<- importPart) error {
	in := bufio.NewReaderSize(file, 1<<20)
	part := importPart{first: i.from}
	give := func() error {
		select {
		case parts <- part:
		case <-ctx.Done():
			return ctx.Err()
		}
		part = importPart{first: part.last + 1}
		return nil
	}
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if number >= i.from && len(line) > 0 {
			if line[len(line)-1] != '\n' {
				line = append(line, '\n')
			}
			part.lines, part.last = append(part.lines, line...), number
		} else {
			i.progress.skip(len(line))
		}
		if full := part.last-part.first+1 == partLines || len(part.lines) >= partBytes; len(part.lines) > 0 && (full || err != nil) {
			if err := give(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read the input: %w", err)
		}
	}
}

// deliver sends a part, again while the server is out of reach: what it may
// have registered already it says is unchanged.
func (i *importRun) deliver(ctx context.Context, part importPart) error {
	const tries, firstPause = 8, 250 * time.Millisecond
	if len(bytes.TrimSpace(part.lines)) == 0 {
		i.progress.done(part, nil)
		return nil
	}
	for try := 1; ; try++ {
		results, err := i.send(ctx, part.lines)
		if err == nil {
			i.progress.done(part, results)
			return nil
		}
		if try == tries || !passing(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(firstPause << (try - 1)):
		case <-ctx.Done():
			return err
		}
	}
}

// passing tells whether a request may succeed in a moment.
func passing(err error) bool {
	if _, unreachable := errors.AsType[*client.UnreachableError](err); unreachable {
		return true
	}
	refused, ok := errors.AsType[*client.Error](err)
	return ok && (refused.Status >= 500 || refused.Status == 429)
}
