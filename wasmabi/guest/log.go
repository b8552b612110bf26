package guest

import (
	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest/internal/host"
)

// Log writes records to the engine's log, which adds the service, the
// application and the request. A record has at most 1 KiB, and an operation at
// most 64 of them.
type Log struct{ host host.Core }

// Debug logs what only a developer wants to read.
func (l Log) Debug(text string) { l.host.LogWrite(wasmabi.Debug, text) }

// Info logs what an operator may want to know.
func (l Log) Info(text string) { l.host.LogWrite(wasmabi.Info, text) }

// Warn logs what an operator should look at.
func (l Log) Warn(text string) { l.host.LogWrite(wasmabi.Warn, text) }

// Error logs what an operator has to repair.
func (l Log) Error(text string) { l.host.LogWrite(wasmabi.Error, text) }

// DebugEnabled tells whether the engine keeps debug records, for texts that
// are costly to make.
func (l Log) DebugEnabled() bool { return l.host.LogEnabled(wasmabi.Debug) }
