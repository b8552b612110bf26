package wasmabi

// Version is the major version of the ABI, as a manifest names it.
const Version = 1

// Names of what a module exports. Each operation takes the length of its
// request as an i32 and returns an i32: 0, a [Status], or a negative number,
// which violates the ABI.
const (
	// ExportMemory is the one memory: defined, not imported, not shared, 32-bit.
	ExportMemory = "memory"
	// ExportMarker has the signature () -> () and is never called. Its presence
	// shows the major version without running anything.
	ExportMarker = "cred_abi_v1"
	// ExportInitialize is optional, () -> (), called once after instantiation.
	ExportInitialize = "_initialize"
	// ExportStart marks a command. A module that exports it is refused: it has
	// to be built as a reactor.
	ExportStart = "_start"
	// ExportConfigure is optional and called once, after ExportInitialize, with
	// the length of the configuration.
	ExportConfigure = "cred_configure"
	// ExportLookup is required: [LookupRequest] to [Credentials] or nothing.
	ExportLookup = "lookup_credentials"
	// ExportProvide is optional: [ProvideRequest] to [Credentials].
	ExportProvide = "provide_credentials"
	// ExportMarkInUse is optional: [MarkInUseRequest] to nothing.
	ExportMarkInUse = "mark_credentials_in_use"
	// ExportMarkRevoked is optional: [MarkRevokedRequest] to nothing.
	ExportMarkRevoked = "mark_credentials_revoked"
	// ExportVerifyProof is optional: [VerifyProofRequest] to nothing.
	ExportVerifyProof = "verify_proof"
)
