package wasmhost

import (
	"encoding/json"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// Limits bound what the modules of one service may use. Those of what crosses
// the boundary (sizes of ids, bodies, answers, keys) are fixed in package
// wasmabi.
type Limits struct {
	// CallTimeout bounds a lookup, a mark in use and the judgement of a proof.
	CallTimeout time.Duration
	// ProvideTimeout bounds a provisioning and the news of a revocation.
	ProvideTimeout time.Duration
	// StartTimeout bounds _initialize and cred_configure together.
	StartTimeout time.Duration
	// MemoryPages is the memory of an instance, in pages of 64 KiB, unless the
	// manifest asks for another size. A module of the Go toolchain gets twice
	// as much, for its garbage collector.
	MemoryPages uint32
	// MemoryPagesCeiling is the most that a manifest may ask for.
	MemoryPagesCeiling uint32
	// Concurrency is how many calls of one service and application run at
	// once; Queue is how many more may wait for their turn, each at most
	// QueueWait.
	Concurrency int
	Queue       int
	QueueWait   time.Duration
	// HostCalls and those below bound one operation. More host calls than
	// stormFactor times the limit end it.
	HostCalls   int
	KvCalls     int
	RandomBytes int
	LogRecords  int
	HTTPCalls   int
	CryptoBytes int
	// SingleUse lets no operation see anything of an earlier one: each finds
	// the module as it was when it had been configured.
	SingleUse bool
}

// stormFactor tells a guest that runs into its quota from one that ignores it.
const stormFactor = 4

// DefaultLimits are those of a node without configuration. Other limits are
// best made from them.
func DefaultLimits() Limits {
	return Limits{
		CallTimeout:        250 * time.Millisecond,
		ProvideTimeout:     time.Second,
		StartTimeout:       time.Second,
		MemoryPages:        256,
		MemoryPagesCeiling: 4096,
		Concurrency:        16,
		Queue:              64,
		QueueWait:          50 * time.Millisecond,
		HostCalls:          wasmabi.MaxHostCalls,
		KvCalls:            wasmabi.MaxKvCalls,
		RandomBytes:        wasmabi.MaxRandomBytes,
		LogRecords:         wasmabi.MaxLogRecords,
		HTTPCalls:          wasmabi.MaxHTTPCalls,
		CryptoBytes:        wasmabi.MaxCryptoBytes,
	}
}

// timeout of an operation.
func (l *Limits) timeout(m method) time.Duration {
	if m == provide || m == markRevoked {
		return l.ProvideTimeout
	}
	return l.CallTimeout
}

// of returns the limits of a node for one module: with the memory that the
// module needs.
func (l Limits) of(p *program) (Limits, error) {
	asked := p.manifest.memoryPages
	l.SingleUse = l.SingleUse || p.manifest.singleUse
	switch {
	case uint64(asked) > uint64(l.MemoryPagesCeiling):
		return l, engine.Errorf(engine.CodeTooLarge,
			"the manifest asks for %d pages of memory: this node gives at most %d", asked, l.MemoryPagesCeiling)
	case asked > 0:
		l.MemoryPages = uint32(asked)
	case p.golang:
		l.MemoryPages = min(2*l.MemoryPages, l.MemoryPagesCeiling)
	}
	return l, nil
}

// lowered applies the limits that an operator has set on a service: an object
// with the members memoryPages, callMs, provideMs, hostCalls and concurrency,
// each of which can only be lowered, and singleUse, which can only be asked
// for. A module that needs more is refused.
func (l Limits) lowered(raw json.RawMessage, p *program) (Limits, error) {
	if len(raw) > 0 {
		if err := l.lower(raw); err != nil {
			return l, err
		}
	}
	switch {
	case uint64(p.manifest.memoryPages) > uint64(l.MemoryPages):
		return l, engine.Errorf(engine.CodeConflict, "the module needs %d pages of memory and the service allows %d: raise the limit or leave it out",
			p.manifest.memoryPages, l.MemoryPages).InField("/limits/memoryPages")
	case milliseconds(p.manifest.callMs) > l.CallTimeout:
		return l, engine.Errorf(engine.CodeConflict, "the module needs %d ms for a call and gets %d: raise the limit of the service, or modules.callTimeout of the node",
			p.manifest.callMs, l.CallTimeout.Milliseconds()).InField("/limits/callMs")
	}
	return l, nil
}

func (l *Limits) lower(raw json.RawMessage) error {
	pages, callMs, provideMs := int(l.MemoryPages), int(l.CallTimeout.Milliseconds()), int(l.ProvideTimeout.Milliseconds())
	members := map[string]*int{
		"memoryPages": &pages, "callMs": &callMs, "provideMs": &provideMs,
		"hostCalls": &l.HostCalls, "concurrency": &l.Concurrency,
	}
	single := false
	into := make(map[string]any, len(members)+1)
	into["singleUse"] = &single
	highest := make(map[string]int, len(members))
	for name, value := range members {
		into[name], highest[name] = value, *value
	}
	names, err := readObject(raw, into)
	if err != nil {
		return engine.Errorf(engine.CodeInvalid, "limits: %v", err).InField("/limits")
	}
	l.SingleUse = l.SingleUse || single
	for _, name := range names {
		if members[name] == nil {
			continue
		}
		if v := *members[name]; v < 1 || v > highest[name] {
			return engine.Errorf(engine.CodeInvalid, "the limit %s is %d: a service can only lower it, to 1 at least and %d at most",
				name, v, highest[name]).InField("/limits/" + name)
		}
	}
	l.MemoryPages, l.CallTimeout, l.ProvideTimeout = uint32(pages), milliseconds(callMs), milliseconds(provideMs)
	return nil
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
