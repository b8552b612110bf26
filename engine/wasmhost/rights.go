package wasmhost

import (
	"slices"

	"github.com/credence-engine/credence/engine"
)

// Ceiling is what a node lets modules have at most, whatever their services
// are granted.
type Ceiling struct {
	// Capabilities are the names of those that modules may have on this node.
	// Nil means all.
	Capabilities []string
	// AllowPrivate lets entries of grants reach private and loopback addresses
	// over HTTP. Grants with such an entry are refused without it.
	AllowPrivate bool
}

// check refuses what a node does not let a module have.
func (l *Ceiling) check(asked, granted *capabilities) error {
	for _, c := range asked.names {
		if l.Capabilities != nil && !slices.Contains(l.Capabilities, string(c)) {
			return engine.Errorf(engine.CodeConflict, "the module asks for the capability %q, which this node does not allow: add it to modules.capabilities of the node, or use another module",
				string(c)).InField("/grants")
		}
	}
	for _, r := range granted.http {
		if r.allowPrivate && !l.AllowPrivate {
			return engine.Errorf(engine.CodeConflict, "the grants let the module reach private addresses (%s), which this node does not allow: set modules.http.allowPrivate on the node, or leave allowPrivate out",
				r.url).InField("/grants")
		}
	}
	return nil
}

// rights are what the calls of one service may reach.
type rights struct {
	asked, granted []httpRule // a request needs one of each
	secrets        []string
	vault          SecretReader
	client         *httpClient // nil if nothing is asked for
}

// rightsOf makes those of a module whose asking has been granted.
func (r *Runtime) rightsOf(asked, granted *capabilities) *rights {
	own := &rights{asked: asked.http, granted: granted.http, vault: r.secrets}
	for _, name := range asked.secrets {
		if slices.Contains(granted.secrets, name) {
			own.secrets = append(own.secrets, name)
		}
	}
	if len(own.asked) > 0 {
		own.client = newHTTPClient(r.roots, r.resolver)
	}
	return own
}

// allows tells whether a request may be sent, and whether it may go to a
// private address.
func (r *rights) allows(method string, to target) (allowed, private bool) {
	asked, _ := allows(r.asked, method, to)
	granted, private := allows(r.granted, method, to)
	return asked && granted, private
}

func (r *rights) close() {
	if r.client != nil {
		r.client.close()
	}
}
