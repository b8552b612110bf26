package rest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"github.com/credence-engine/credence/engine"
)

// request is one request on its way to a use case. It lives as long as its
// handler; fiber's context goes no further than this type.
type request struct {
	fiber   *fiber.Ctx
	caller  engine.Caller
	user    engine.User // who has logged in
	query   url.Values
	ifMatch engine.Revision // 0: none
	exists  bool            // If-Match: *
}

// check reads what stands around the body, by the rules of the route.
func (q *request) check(r route) error {
	if err := q.checkQuery(r.query); err != nil {
		return err
	}
	if err := q.checkContent(r.body); err != nil {
		return err
	}
	if err := q.checkMatch(r); err != nil {
		return err
	}
	if r.method == http.MethodPost {
		return q.checkIdempotency()
	}
	return nil
}

func (q *request) checkQuery(known []string) error {
	raw := string(q.fiber.Context().URI().QueryString())
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	decoded, _ := url.QueryUnescape(raw)
	if err != nil || !utf8.ValidString(decoded) {
		return engine.Wrap(err, engine.CodeInvalid, "the query cannot be read: percent-encode its values, in UTF-8")
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			text := "this route takes no query parameters"
			if len(known) > 0 {
				text = "use " + strings.Join(known, ", ")
			}
			return engine.Errorf(engine.CodeInvalid, "the query parameter %q is unknown here: %s", clip(name), text).InField(clip(name))
		}
		if len(given) > 1 && (strings.HasPrefix(name, "page") || name == "wait" || name == "validateOnly" || name == "force") {
			return engine.Errorf(engine.CodeInvalid, "the query parameter %s is given twice", name).InField(name)
		}
	}
	q.query = values
	return nil
}

// contentTypes are those that a body may come with; the first is the one to
// name.
var contentTypes = map[bodyKind][]string{
	jsonBody:  {"application/json"},
	patchBody: {"application/merge-patch+json", "application/json"},
	wasmBody:  {"application/wasm"},
	linesBody: {"application/x-ndjson"},
}

func (q *request) checkContent(kind bodyKind) error {
	if encoding := q.fiber.Get(fiber.HeaderContentEncoding); encoding != "" && encoding != "identity" {
		return refusef(http.StatusUnsupportedMediaType, engine.CodeInvalid, "send the body as it is, without a Content-Encoding")
	}
	if kind == noBody {
		if len(q.body()) > 0 {
			return engine.Errorf(engine.CodeInvalid, "this route takes no body: leave it out")
		}
		return nil
	}
	given := q.fiber.Get(fiber.HeaderContentType)
	if given == "" && kind != wasmBody && kind != linesBody {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(given)
	charset := strings.ToLower(parameters["charset"])
	if err != nil || !slices.Contains(contentTypes[kind], media) || charset != "" && charset != "utf-8" {
		return refusef(http.StatusUnsupportedMediaType, engine.CodeInvalid, "send the body with Content-Type: %s", contentTypes[kind][0])
	}
	return nil
}

// checkMatch reads If-Match. A route that cannot obey it refuses: the caller
// counts on it.
func (q *request) checkMatch(r route) error {
	given := q.fiber.Get(fiber.HeaderIfMatch)
	switch {
	case given == "" || r.method == http.MethodGet:
		return nil
	case !r.match:
		return engine.Errorf(engine.CodeInvalid, "this route does not take If-Match: leave it out").InField("If-Match")
	case given == "*":
		q.exists = true
		return nil
	}
	tag, quoted := strings.CutPrefix(given, `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	version, err := strconv.ParseInt(tag, 10, 64)
	if !quoted || !closed || err != nil || version < 1 || tag[0] == '+' {
		return engine.Errorf(engine.CodeInvalid, `If-Match must be * or one resource version in quotes, as the ETag header gave it`).InField("If-Match")
	}
	q.ifMatch = engine.Revision(version)
	return nil
}

const maxIdempotencyKeyBytes = 255

func (q *request) checkIdempotency() error {
	key := q.fiber.Get("Idempotency-Key")
	if key == "" && q.fiber.Request().Header.Peek("Idempotency-Key") == nil {
		return nil
	}
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if key == "" || len(key) > maxIdempotencyKeyBytes || strings.ContainsFunc(key, func(r rune) bool { return !visible(r) }) {
		return engine.Errorf(engine.CodeInvalid, "Idempotency-Key must be 1 to %d visible ASCII characters", maxIdempotencyKeyBytes).InField("Idempotency-Key")
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00", q.fiber.Method(), targetPath(q.fiber.Context().RequestURI()))
	h.Write(q.body())
	q.caller.Idempotency = &engine.Idempotency{Key: key, Request: [sha256.Size]byte(h.Sum(nil))}
	return nil
}

// body is what was sent. It is gone after the handler: decode copies.
func (q *request) body() []byte { return q.fiber.Request().Body() }

// segment returns a varying segment of the path, decoded once. A %2F inside it
// stays inside it.
func (q *request) segment(name string) (string, error) {
	s, err := url.PathUnescape(q.fiber.Params(name))
	if err != nil || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", engine.Wrap(err, engine.CodeInvalid, "the path is not percent-encoded UTF-8 without NUL").InField(name)
	}
	return s, nil
}

func (q *request) application() (engine.ApplicationID, error) {
	s, err := q.segment("app")
	return engine.ApplicationID(s), err
}

// credentials returns the application and the credentials that the path names.
func (q *request) credentials() (engine.ApplicationID, engine.CredentialsID, error) {
	app, err := q.application()
	if err != nil {
		return "", "", err
	}
	id, err := q.segment("id")
	return app, engine.CredentialsID(id), err
}

// pathOf writes a path whose odd parts are ids.
func pathOf(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		if s == "." || s == ".." { // or else a client folds it away
			b.WriteString(strings.ReplaceAll(s, ".", "%2E"))
			continue
		}
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// write sends a reply.
func (r reply) write(c *fiber.Ctx) error {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.version != 0 {
		c.Set(fiber.HeaderETag, `"`+strconv.FormatInt(int64(r.version), 10)+`"`)
	}
	if r.cache != "" {
		c.Set(fiber.HeaderCacheControl, r.cache)
	}
	if r.location != "" {
		c.Set(fiber.HeaderLocation, r.location)
	}
	if r.consistency != "" {
		c.Set(headerConsistency, r.consistency)
	}
	if r.next != "" {
		c.Set(fiber.HeaderLink, "<"+r.next+`>; rel="next"`)
	}
	c.Status(r.status)
	if r.stream != nil {
		return r.writeStream(c)
	}
	if r.text != nil {
		c.Set(fiber.HeaderContentType, cmp.Or(r.media, "text/plain; version=0.0.4; charset=utf-8"))
		c.Response().SetBodyRaw(r.text)
		return nil
	}
	if r.body == nil {
		return nil
	}
	body, err := json.Marshal(r.body, lenient)
	if err != nil {
		return engine.Wrap(err, engine.CodeInternal, "the answer cannot be written as JSON")
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(body)
	return nil
}
