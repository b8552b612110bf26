package output

import (
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Rows are the lines of a table. With a header they list things, one a line;
// without, each line is the name and the value of a field, and fields without a
// value are left out.
type Rows struct {
	Header []string
	Lines  [][]string
}

// Add appends a line.
func (r *Rows) Add(cells ...string) { r.Lines = append(r.Lines, cells) }

func (r Rows) write(w io.Writer) error {
	const gap = 3 // spaces between columns
	table := tabwriter.NewWriter(w, 0, 0, gap, ' ', 0)
	if len(r.Header) > 0 {
		writeLine(table, r.Header)
	}
	for _, line := range r.Lines {
		if len(r.Header) == 0 && len(line) == 2 && line[1] == "" {
			continue
		}
		writeLine(table, line)
	}
	return table.Flush()
}

// writeLine leaves errors to the flush: the writer keeps the cells until then.
func writeLine(table *tabwriter.Writer, cells []string) {
	clean := make([]string, len(cells))
	for i, cell := range cells {
		clean[i] = Clean(cell)
		if clean[i] == "" {
			clean[i] = "-"
		}
	}
	_, _ = io.WriteString(table, strings.Join(clean, "\t")+"\n")
}

// Clean escapes what does not print. Names, labels and reasons come from
// others: they must not move the cursor of a terminal or break a line.
func Clean(text string) string {
	prints := func(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
	if !strings.ContainsFunc(text, func(r rune) bool { return !prints(r) }) {
		return text
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
