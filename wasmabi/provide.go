package wasmabi

// ProvideRequest asks a service to take credentials into an application. The
// answer is the [Credentials] as they stand.
type ProvideRequest struct {
	ApplicationID string
	Credentials   Credentials
	RequestID     string
}

var provideFields = []field{
	1: {name: "application_id", kind: text, limit: MaxIDBytes},
	2: {name: "credentials", kind: message},
	3: {name: "request_id", kind: text, limit: MaxIDBytes},
}

// Append appends the encoded message to dst.
func (m *ProvideRequest) Append(dst []byte) []byte {
	dst = appendBlock(dst, 1, m.ApplicationID)
	dst = m.Credentials.Append(appendHead(dst, 2, m.Credentials.size()))
	return appendBlock(dst, 3, m.RequestID)
}

// Decode reads the message from all of src, which its strings and bytes alias.
func (m *ProvideRequest) Decode(src []byte) error {
	d := decoder{message: "ProvideRequest", fields: provideFields, src: src}
	given := false
	*m = ProvideRequest{}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.ApplicationID = d.shared()
		case 2:
			given = true
			d.err = m.Credentials.decode(d.nested("Credentials", credentialsFields))
		case 3:
			m.RequestID = d.shared()
		}
	}
	d.require(1, m.ApplicationID != "")
	d.require(2, given)
	return d.err
}
