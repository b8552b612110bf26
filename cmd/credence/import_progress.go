package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

// importProgress counts what has been imported, and tells it every second.
type importProgress struct {
	mu                         sync.Mutex
	out                        io.Writer
	size, skipped, sent        int64 // bytes; a size of 0 is unknown
	created, unchanged, failed int
	parts                      map[int]int // done: first line → last line
	began                      time.Time
	stop                       chan struct{}
	stopped                    sync.WaitGroup
	took                       time.Duration
}

func (p *importProgress) begin(out io.Writer, size int64) {
	p.out, p.size, p.began, p.stop, p.parts = out, size, time.Now(), make(chan struct{}), map[int]int{}
	p.stopped.Go(func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				p.tell()
			case <-p.stop:
				return
			}
		}
	})
}

func (p *importProgress) end() {
	close(p.stop)
	p.stopped.Wait()
	p.took = time.Since(p.began)
}

func (p *importProgress) skip(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.skipped += int64(bytes)
}

// done takes in the answer for a part, and writes why lines were refused.
func (p *importProgress) done(part importPart, results []client.ImportedLine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += int64(len(part.lines))
	p.parts[part.first] = part.last
	for _, r := range results {
		switch r.Result {
		case client.Created:
			p.created++
		case client.Unchanged:
			p.unchanged++
		default:
			p.failed++
			fmt.Fprintln(p.out, output.Clean(fmt.Sprintf("line %d: %s", part.first+r.Line-1, r.Detail)))
		}
	}
}

// next is the first line, from a line on, that is not known to be done.
func (p *importProgress) next(from int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		last, done := p.parts[from]
		if !done {
			return from
		}
		from = last + 1
	}
}

func (p *importProgress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, took := p.created+p.unchanged+p.failed, time.Since(p.began)
	text := fmt.Sprintf("%d lines, %.0f a second", lines, float64(lines)/took.Seconds())
	if whole := p.size - p.skipped; p.size > 0 && p.sent > 0 {
		left := time.Duration(float64(took) * float64(whole-p.sent) / float64(p.sent))
		text += fmt.Sprintf(", %d %%, %s left", 100*p.sent/max(whole, 1), left.Round(time.Second))
	}
	fmt.Fprintln(p.out, text)
}

// summary is the result, for programs and for people.
func (i *importRun) summary() (json.RawMessage, output.Rows) {
	p := &i.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	document, _ := json.Marshal(map[string]any{ // cannot fail
		"created": p.created, "unchanged": p.unchanged, "failed": p.failed, "seconds": p.took.Seconds(),
	})
	var rows output.Rows
	rows.Add("created", strconv.Itoa(p.created))
	rows.Add("unchanged", strconv.Itoa(p.unchanged))
	rows.Add("failed", strconv.Itoa(p.failed))
	rows.Add("time", p.took.Round(time.Millisecond).String())
	return document, rows
}
