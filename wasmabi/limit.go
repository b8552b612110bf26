package wasmabi

// Limits of what crosses the boundary, in bytes. They are part of the
// contract: a host does not lower them.
const (
	// MaxIDBytes is the most that a string field of a message may hold:
	// credentials, application and request ids, and the type of a proof.
	MaxIDBytes = 256
	// MaxBodyBytes is the most that a bytes field of a message may hold:
	// bodies, proofs and challenges.
	MaxBodyBytes = 64 << 10
	// MaxInputBytes is the most that a request or a configuration may take.
	MaxInputBytes = 128 << 10
	// MaxOutputBytes is the most that an answer may take.
	MaxOutputBytes = 128 << 10
	// MaxErrorBytes is the most that is kept of a reason for operators.
	MaxErrorBytes = 1 << 10
	// MaxLogBytes is the most that is kept of one log record.
	MaxLogBytes = 1 << 10
	// MaxKvKeyBytes is the longest key; the shortest has one byte.
	MaxKvKeyBytes = 256
	// MaxKvValueBytes is the longest value; it may be empty.
	MaxKvValueBytes = 64 << 10
	// MaxManifestBytes is the longest manifest.
	MaxManifestBytes = 16 << 10
)

// Limits of what one operation may do. What goes over is answered with
// [EDQUOT].
const (
	// MaxHostCalls counts calls of any host function.
	MaxHostCalls = 256
	// MaxKvCalls counts calls of the kv functions.
	MaxKvCalls = 32
	// MaxRandomBytes counts the bytes filled by random_fill.
	MaxRandomBytes = 64 << 10
	// MaxLogRecords counts the records kept; later ones are dropped.
	MaxLogRecords = 64
)

// ManifestSection is the name of the custom section that holds the manifest.
const ManifestSection = "cred.manifest"
