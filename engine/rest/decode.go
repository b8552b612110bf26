package rest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// decode reads a body strictly: names must be known, in their exact case, and
// given once; text must be UTF-8; nothing may follow. The error names the
// member at fault and what is expected there.
func decode[T any](body []byte) (T, error) {
	var v T
	if len(bytes.TrimSpace(body)) == 0 {
		return v, engine.Errorf(engine.CodeInvalid, "the body is empty: send a JSON object with %s", members(reflect.TypeFor[T]()))
	}
	err := json.Unmarshal(body, &v, json.RejectUnknownMembers(true))
	if err != nil {
		return v, badBody(err, reflect.TypeFor[T]())
	}
	return v, nil
}

func badBody(err error, body reflect.Type) error {
	semantic, isSemantic := errors.AsType[*json.SemanticError](err)
	syntactic, isSyntactic := errors.AsType[*jsontext.SyntacticError](err)
	pointer, text := "", "the body is not JSON"
	switch {
	case isSyntactic:
		pointer = string(syntactic.JSONPointer)
		text = fmt.Sprintf("the body is not valid JSON at byte %d", syntactic.ByteOffset)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			text = "the member is given twice"
		}
	case isSemantic:
		pointer = string(semantic.JSONPointer)
		text = "expected " + expected(semantic.GoType)
		if errors.Is(err, json.ErrUnknownName) {
			text = "there is no such member"
			if strings.LastIndexByte(pointer, '/') == 0 {
				text += ": use " + members(body)
			}
		}
	}
	if pointer != "" {
		text = fmt.Sprintf("%s: %s", clip(pointer), text)
	}
	return engine.Wrap(err, engine.CodeInvalid, text).InField(clip(pointer))
}

// clip keeps what is repeated to the caller short.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	for s = s[:most]; !utf8.ValidString(s); {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// expected says in words what a member of a type is written as.
func expected(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return `a time as in "2026-01-31T12:00:00Z" (RFC 3339)`
	case t == reflect.TypeFor[[]byte]():
		return "a string of standard base64 with padding"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	case reflect.Struct, reflect.Map:
		return "a JSON object"
	case reflect.Pointer:
		return expected(t.Elem())
	default:
		return "something else"
	}
}

// members lists the names that an object may hold.
func members(t reflect.Type) string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	if len(names) == 0 {
		return "no members"
	}
	return strings.Join(names, ", ")
}

// optional is a member of a merge patch (RFC 7396): absent, null, or a value.
type optional[T any] struct {
	given, null bool
	value       T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom; it runs only for members
// that are there.
func (o *optional[T]) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	o.given = true
	if in.PeekKind() == 'n' {
		o.null = true
		return in.SkipValue()
	}
	return json.UnmarshalDecode(in, &o.value)
}

// lenient writes what the engine holds as it is: an answer must not fail over
// text that a module gave, after the effect has been committed. What is not
// UTF-8 is replaced.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// object refuses a value that is there and no JSON object.
func object(v jsontext.Value, pointer string) error {
	if len(v) > 0 && v.Kind() != '{' {
		return engine.Errorf(engine.CodeInvalid, "%s: expected a JSON object", pointer).InField(pointer)
	}
	return nil
}

// raw is a value as the engine keeps it; null is nothing.
func raw(v jsontext.Value) []byte {
	if v.Kind() == 'n' {
		return nil
	}
	return v
}
