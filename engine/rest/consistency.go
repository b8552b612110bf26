package rest

import (
	"strconv"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// headerConsistency names how old the state may be by which an answer was made.
const headerConsistency = "X-Consistency"

// maxStaleness is the longest age that bounded may name.
const maxStaleness = time.Hour

// parseConsistency reads strict, bounded=<ms> or at-least=<resourceVersion>.
func parseConsistency(s string) (engine.Consistency, error) {
	mode, value, _ := strings.Cut(s, "=")
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case s == "" || s == "strict":
		return engine.Strict, nil
	case mode == "bounded" && err == nil && number >= 0 && number <= maxStaleness.Milliseconds():
		return engine.Bounded(time.Duration(number) * time.Millisecond), nil
	case mode == "at-least" && err == nil && number > 0:
		return engine.AtLeast(engine.Revision(number)), nil
	}
	return engine.Consistency{}, engine.Errorf(engine.CodeInvalid,
		"/consistency: expected strict, bounded=<milliseconds> or at-least=<resourceVersion>").InField("/consistency")
}

// consistencyOf writes what parseConsistency reads.
func consistencyOf(c engine.Consistency) string {
	switch c.Mode {
	case engine.ModeBounded:
		return "bounded=" + strconv.FormatInt(c.MaxAge.Milliseconds(), 10)
	case engine.ModeAtLeast:
		return "at-least=" + strconv.FormatInt(int64(c.Revision), 10)
	default:
		return "strict"
	}
}
