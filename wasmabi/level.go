package wasmabi

import "strconv"

// Level is the severity of a log record of a module.
type Level int32

// The levels.
const (
	Debug Level = 0
	Info  Level = 1
	Warn  Level = 2
	Error Level = 3
)

var levelNames = [...]string{"debug", "info", "warn", "error"}

// Valid tells whether a module may log at l.
func (l Level) Valid() bool { return l >= Debug && l <= Error }

// String returns the name of a level, else "level(n)".
func (l Level) String() string {
	if l.Valid() {
		return levelNames[l]
	}
	return "level(" + strconv.Itoa(int(l)) + ")"
}
