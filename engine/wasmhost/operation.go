package wasmhost

import (
	"bytes"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// method numbers the exports that the engine calls.
type method int

const (
	lookup method = iota
	provide
	markInUse
	markRevoked
	verifyProof
	methodCount
)

var exportOf = [methodCount]string{
	lookup: wasmabi.ExportLookup, provide: wasmabi.ExportProvide,
	markInUse: wasmabi.ExportMarkInUse, markRevoked: wasmabi.ExportMarkRevoked,
	verifyProof: wasmabi.ExportVerifyProof,
}

// operation is one question to a module and, afterwards, its answer.
type operation struct {
	method method
	asked  engine.Credentials // of which only a provision and a proof use more than the id
	proof  engine.Proof       // of a proof
	answer engine.Credentials // of a lookup and a provision
}

// encode appends the request to dst.
func (o *operation) encode(dst []byte, of subject) []byte {
	request := wasmabi.LookupRequest{
		ApplicationID: of.application, CredentialsID: string(o.asked.ID), RequestID: of.request,
	}
	switch o.method {
	case provide:
		r := wasmabi.ProvideRequest{
			ApplicationID: of.application, Credentials: o.credentials(wasmabi.Available), RequestID: of.request,
		}
		return r.Append(dst)
	case verifyProof:
		r := wasmabi.VerifyProofRequest{
			ApplicationID: of.application, Credentials: o.credentials(statusNumbers[o.asked.Status]), RequestID: of.request,
			ProofType: o.proof.Type, Challenge: o.proof.Challenge, Proof: o.proof.Value,
		}
		return r.Append(dst)
	case markInUse:
		return (*wasmabi.MarkInUseRequest)(&request).Append(dst)
	case markRevoked:
		return (*wasmabi.MarkRevokedRequest)(&request).Append(dst)
	default:
		return request.Append(dst)
	}
}

// credentials are those of the question, as a message.
func (o *operation) credentials(status wasmabi.CredentialsStatus) wasmabi.Credentials {
	m := wasmabi.Credentials{ID: string(o.asked.ID), Body: o.asked.Body, Status: status}
	if !o.asked.NotAfter.IsZero() {
		m.ExpiresUnix = uint64(max(1, o.asked.NotAfter.Unix()))
	}
	return m
}

// maxExpiresUnix is the end of the year 9999, which is the last that a date in
// RFC 3339 can name.
const maxExpiresUnix = 253402300799

var statuses = [...]engine.Status{
	wasmabi.Available: engine.Available, wasmabi.InUse: engine.InUse, wasmabi.Revoked: engine.Revoked,
}

var statusNumbers = map[engine.Status]wasmabi.CredentialsStatus{
	engine.Available: wasmabi.Available, engine.InUse: wasmabi.InUse, engine.Revoked: wasmabi.Revoked,
}

// accept reads the answer of an operation that succeeded. It believes nothing:
// what is not a legal answer to what was asked is a violation.
func (o *operation) accept(output []byte) error {
	if o.method != lookup && o.method != provide {
		if len(output) > 0 {
			return violation("an answer of %d bytes to %s, which has none", len(output), exportOf[o.method])
		}
		return nil
	}
	if len(output) == 0 && o.method == lookup {
		return engine.ErrNotFound
	}
	m := wasmabi.Credentials{ID: string(o.asked.ID)}
	if err := m.Decode(output); err != nil {
		return violation("the answer is malformed: %w", err)
	}
	switch {
	case m.ID != string(o.asked.ID):
		return violation("the answer is about the id %q instead of %q", m.ID, o.asked.ID)
	case m.Status == wasmabi.Unspecified:
		return violation("the answer has no status")
	case m.ExpiresUnix > maxExpiresUnix:
		return violation("the answer expires at %d seconds, after the year 9999", m.ExpiresUnix)
	case o.method == provide && !bytes.Equal(m.Body, o.asked.Body):
		return violation("the answer has another body than was provided")
	}
	o.answer.ID, o.answer.Status = o.asked.ID, statuses[m.Status]
	if len(m.Body) > 0 {
		o.answer.Body = make([]byte, len(m.Body))
		copy(o.answer.Body, m.Body)
	}
	if m.ExpiresUnix > 0 {
		o.answer.NotAfter = time.Unix(int64(m.ExpiresUnix), 0).UTC()
	}
	return nil
}

// refusals say what a status other than OK means to the engine.
var refusals = [...]struct {
	code engine.Code
	text string
}{
	wasmabi.Internal:           {engine.CodeModuleError, "the credentials service failed"},
	wasmabi.InvalidArgument:    {engine.CodeInvalid, "the credentials service finds the request malformed"},
	wasmabi.NotFound:           {engine.CodeNotFound, ""},
	wasmabi.AlreadyExists:      {engine.CodeConflict, "the credentials service holds other credentials under this id"},
	wasmabi.FailedPrecondition: {engine.CodeConflict, "the credentials service finds the present state in the way"},
	wasmabi.Unsupported:        {engine.CodeUnsupported, "the credentials service does not offer this operation"},
	wasmabi.Unavailable:        {engine.CodeUnavailable, "the credentials service has no answer now: try again"},
	wasmabi.PermissionDenied:   {engine.CodeDenied, "the credentials service refused"},
	wasmabi.ResourceExhausted:  {engine.CodeExhausted, "a quota of the credentials service is used up"},
	wasmabi.Deadline:           {engine.CodeDeadline, "the credentials service ran out of time"},
}

// refusal makes the error for a status that is not OK. The reason is the
// module's, in its own words; a number that is no status is a violation.
func refusal(status wasmabi.Status, reason []byte) error {
	switch {
	case !status.Valid():
		return violation("the status %d does not exist", int32(status))
	case status == wasmabi.NotFound:
		return engine.ErrNotFound
	case int(status) >= len(refusals): // of a later minor version
		status = wasmabi.Internal
	}
	r := refusals[status]
	said := printable(reason, wasmabi.MaxErrorBytes)
	switch {
	case said == "":
		return engine.Errorf(r.code, "%s", r.text)
	case status == wasmabi.PermissionDenied:
		return engine.Errorf(r.code, "%s", said)
	default:
		return engine.Errorf(r.code, "%s: %s", r.text, said)
	}
}
