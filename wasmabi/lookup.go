package wasmabi

// LookupRequest asks a service what it knows under an id. The answer is
// [Credentials] with that id, or nothing when there are none.
type LookupRequest struct {
	ApplicationID string
	CredentialsID string
	RequestID     string
}

var lookupFields = []field{
	1: {name: "application_id", kind: text, limit: MaxIDBytes},
	2: {name: "credentials_id", kind: text, limit: MaxIDBytes},
	3: {name: "request_id", kind: text, limit: MaxIDBytes},
}

// Append appends the encoded message to dst.
func (m *LookupRequest) Append(dst []byte) []byte {
	dst = appendBlock(dst, 1, m.ApplicationID)
	dst = appendBlock(dst, 2, m.CredentialsID)
	return appendBlock(dst, 3, m.RequestID)
}

// Decode reads the message from all of src, which its strings alias.
func (m *LookupRequest) Decode(src []byte) error { return m.decode("LookupRequest", src) }

func (m *LookupRequest) decode(name string, src []byte) error {
	d := decoder{message: name, fields: lookupFields, src: src}
	*m = LookupRequest{}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.ApplicationID = d.shared()
		case 2:
			m.CredentialsID = d.shared()
		case 3:
			m.RequestID = d.shared()
		}
	}
	d.require(1, m.ApplicationID != "")
	d.require(2, m.CredentialsID != "")
	return d.err
}
