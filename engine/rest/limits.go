package rest

import (
	"bytes"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

const modulesPath = "/v1/modules"

// limits says, as soon as the headers are here, how large the body may be:
// fasthttp buffers it before any handler runs, so a larger one must be refused
// unread. Who names no user gets no room for a module or an import, and few get
// it at once.
func (s *Server) limits(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	longest := 2 * s.options.ReadTimeout
	if isUpload(h) && len(h.Peek(fiber.HeaderAuthorization)) > 0 && s.uploads.admit(h, time.Now(), longest) {
		return fasthttp.RequestConfig{MaxRequestBodySize: s.options.ModuleBytes, ReadTimeout: longest}
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: s.options.JSONBytes}
}

func isUpload(h *fasthttp.RequestHeader) bool {
	path := targetPath(h.RequestURI())
	return h.IsPost() && (string(path) == modulesPath || bytes.HasSuffix(path, []byte(importPath)))
}

// targetPath returns the path of a request's target as it was sent, percent
// signs and all: /path?query, or http://authority/path?query (RFC 9112, 3.2).
func targetPath(target []byte) []byte {
	if !bytes.HasPrefix(target, []byte("/")) {
		if _, rest, absolute := bytes.Cut(target, []byte("://")); absolute {
			at := bytes.IndexAny(rest, "/?")
			if at < 0 {
				return []byte("/")
			}
			target = rest[at:]
		}
	}
	path, _, _ := bytes.Cut(target, []byte("?"))
	return path
}
