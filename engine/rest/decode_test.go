package rest

import (
	stdjson "encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestABodyIsReadStrictly(t *testing.T) {
	for name, c := range map[string]struct{ body, field, words string }{
		"nothing":        {``, "", "body is empty: send a JSON object with body, id, labels"},
		"blanks":         {" \n", "", "body is empty"},
		"not JSON":       {`body=YQ==`, "", "not valid JSON"},
		"cut off":        {`{"id":"a"`, "", "not valid JSON"},
		"more follows":   {`{"id":"a"} {}`, "", "not valid JSON"},
		"a list":         {`[]`, "", "expected a JSON object"},
		"a string":       {`"x"`, "", "expected a JSON object"},
		"other case":     {`{"Id":"a"}`, "/Id", "no such member: use body, id, labels"},
		"twice":          {`{"id":"a","id":"b"}`, "/id", "given twice"},
		"twice, escaped": {`{"id":"a","\u0069d":"b"}`, "/id", "given twice"},
		"twice, deeper":  {`{"labels":{"a":"1","a":"2"}}`, "/labels/a", "given twice"},
		"not UTF-8":      {"{\"id\":\"\xff\"}", "/id", "not valid JSON"},
		"half surrogate": {`{"id":"\ud800"}`, "/id", "not valid JSON"},
		"slash in name":  {`{"labels":{"a/b~c":1}}`, "/labels/a~1b~0c", "a string"},
		"comment":        {`{/*x*/}`, "", "not valid JSON"},
		"byte order":     {"\ufeff{}", "", "not valid JSON"},
		"NaN":            {`{"id":NaN}`, "/id", "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode[newCredentials]([]byte(c.body))
			require.Equal(t, engine.CodeInvalid, engine.CodeOf(err))
			e := refusalOf(err).reason
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Message, c.words)
		})
	}
}

func TestALongMemberNameIsRepeatedInPart(t *testing.T) {
	_, err := decode[newCredentials]([]byte(`{"` + strings.Repeat("ü", 5000) + `":1}`))
	e := refusalOf(err).reason
	require.Less(t, len(e.Message), 600)
	require.True(t, utf8.ValidString(e.Message))
	require.True(t, utf8.ValidString(e.Field))
}

func TestADeepBodyIsRefused(t *testing.T) {
	_, err := decode[newRegistration]([]byte(`{"profile":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`))
	require.Equal(t, engine.CodeInvalid, engine.CodeOf(err))
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"body":"YWJj","id":"x","labels":{"a":"b"}}`, `{"name":"x","serviceConfig":{"a":[1,2,{"b":null}]}}`,
		`{"labels":{"a":null},"validity":{"notBefore":"2030-01-01T00:00:00Z","notAfter":null}}`, `{"validity":null}`,
		`{"profileVersion":1,"profile":[null]}`, `{"credentialsId":"x","publicKey":"YQ==","consistency":"bounded=1"}`,
		`{"module":"sha256:00","config":{},"grants":{},"limits":{},"description":"d"}`, `{"revision":2}`,
		`{"a":1,"a":2}`, "{\"id\":\"\xff\"}", `{"id":"\ud800"}`, `nul`, `{"id":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkBody[newApplication](t, body)
		checkBody[applicationPatch](t, body)
		checkBody[newCredentials](t, body)
		checkBody[credentialsPatch](t, body)
		checkBody[newRegistration](t, body)
		checkBody[verifyBody](t, body)
		checkBody[newService](t, body)
		checkBody[rollbackBody](t, body)
	})
}

// checkBody holds strict decoding against what must follow from it: whatever
// is taken is JSON for others too, and holds only members that are known.
func checkBody[T any](t *testing.T, body []byte) {
	t.Helper()
	_, err := decode[T](body)
	if err != nil {
		e := refusalOf(err).reason
		require.Equal(t, engine.CodeInvalid, e.Code)
		require.NotEmpty(t, e.Message)
		_, err := json.Marshal(problem{Detail: e.Message, Field: e.Field}, lenient)
		require.NoError(t, err)
		return
	}
	require.True(t, utf8.Valid(body))
	var loose map[string]any
	require.NoError(t, stdjson.Unmarshal(body, &loose))
	known := strings.Split(members(reflect.TypeFor[T]()), ", ")
	for name := range loose {
		require.Contains(t, known, name)
	}
}
