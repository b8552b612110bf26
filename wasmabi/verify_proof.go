package wasmabi

// VerifyProofRequest asks a service whether a proof shows possession of
// credentials that the engine cannot check itself. The answer is empty, and
// the status is the verdict.
type VerifyProofRequest struct {
	ApplicationID string
	Credentials   Credentials
	ProofType     string
	Challenge     []byte
	Proof         []byte
	RequestID     string
}

var verifyProofFields = []field{
	1: {name: "application_id", kind: text, limit: MaxIDBytes},
	2: {name: "credentials", kind: message},
	3: {name: "proof_type", kind: text, limit: MaxIDBytes},
	4: {name: "challenge", kind: blob, limit: MaxBodyBytes},
	5: {name: "proof", kind: blob, limit: MaxBodyBytes},
	6: {name: "request_id", kind: text, limit: MaxIDBytes},
}

// Append appends the encoded message to dst.
func (m *VerifyProofRequest) Append(dst []byte) []byte {
	dst = appendBlock(dst, 1, m.ApplicationID)
	dst = m.Credentials.Append(appendHead(dst, 2, m.Credentials.size()))
	dst = appendBlock(dst, 3, m.ProofType)
	dst = appendBlock(dst, 4, m.Challenge)
	dst = appendBlock(dst, 5, m.Proof)
	return appendBlock(dst, 6, m.RequestID)
}

// Decode reads the message from all of src, which its strings and bytes alias.
func (m *VerifyProofRequest) Decode(src []byte) error {
	d := decoder{message: "VerifyProofRequest", fields: verifyProofFields, src: src}
	given := false
	*m = VerifyProofRequest{}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.ApplicationID = d.shared()
		case 2:
			given = true
			d.err = m.Credentials.decode(d.nested("Credentials", credentialsFields))
		case 3:
			m.ProofType = d.shared()
		case 4:
			m.Challenge = d.block
		case 5:
			m.Proof = d.block
		case 6:
			m.RequestID = d.shared()
		}
	}
	d.require(1, m.ApplicationID != "")
	d.require(2, given)
	d.require(3, m.ProofType != "")
	return d.err
}
