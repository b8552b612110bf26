package rest

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// maxUploads is how many modules and imports may arrive at once. Their bytes are in memory
// before it is known who sends them.
const maxUploads = 8

// uploads counts the modules and imports that are arriving. A request is known by its
// header, the one thing that fasthttp shows before and after the body; what
// broke off silently is forgotten when it could no longer be arriving.
type uploads struct {
	mu    sync.Mutex // guards until
	until map[*fasthttp.RequestHeader]time.Time
}

func newUploads() *uploads { return &uploads{until: map[*fasthttp.RequestHeader]time.Time{}} }

// admit makes room for one more, if there is any.
func (u *uploads) admit(h *fasthttp.RequestHeader, now time.Time, longest time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for other, until := range u.until {
		if now.After(until) {
			delete(u.until, other)
		}
	}
	if len(u.until) >= maxUploads {
		return false
	}
	u.until[h] = now.Add(longest)
	return true
}

func (u *uploads) done(h *fasthttp.RequestHeader) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.until, h)
}
