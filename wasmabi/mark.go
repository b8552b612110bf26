package wasmabi

// MarkInUseRequest tells a service that an endpoint claims credentials. It has
// the fields of a [LookupRequest], and the answer is empty.
type MarkInUseRequest LookupRequest

// Append appends the encoded message to dst.
func (m *MarkInUseRequest) Append(dst []byte) []byte { return (*LookupRequest)(m).Append(dst) }

// Decode reads the message from all of src, which its strings alias.
func (m *MarkInUseRequest) Decode(src []byte) error {
	return (*LookupRequest)(m).decode("MarkInUseRequest", src)
}

// MarkRevokedRequest tells a service that credentials are revoked. It has the
// fields of a [LookupRequest], and the answer is empty.
type MarkRevokedRequest LookupRequest

// Append appends the encoded message to dst.
func (m *MarkRevokedRequest) Append(dst []byte) []byte { return (*LookupRequest)(m).Append(dst) }

// Decode reads the message from all of src, which its strings alias.
func (m *MarkRevokedRequest) Decode(src []byte) error {
	return (*LookupRequest)(m).decode("MarkRevokedRequest", src)
}
