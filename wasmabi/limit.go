package wasmabi

// Limits of what crosses the boundary, in bytes. They are part of the
// contract: a host does not lower them.
const (
	// MaxIDBytes is the most that a string field of a message may hold, where
	// nothing else is said: credentials, application and request ids, and the
	// type of a proof.
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
	// MaxURLBytes is the longest URL of an HTTP request.
	MaxURLBytes = 2 << 10
	// MaxHeaderNameBytes and MaxHeaderBytes bound one header, in either
	// direction, a secret that the host appends not counted.
	MaxHeaderNameBytes = 256
	MaxHeaderBytes     = 4 << 10
	// MaxRequestHeaders and MaxResponseHeaders bound their number, and
	// MaxResponseHeaderBytes the names and values of a response together. The
	// host drops what a response has more.
	MaxRequestHeaders      = 32
	MaxResponseHeaders     = 64
	MaxResponseHeaderBytes = 16 << 10
	// MaxHTTPRequestBytes is the longest encoded HttpRequest.
	MaxHTTPRequestBytes = 128 << 10
	// MaxHTTPResponseBytes is the longest encoded HttpResponse.
	MaxHTTPResponseBytes = 96 << 10
	// MaxSecretNameBytes is the longest name of a secret.
	MaxSecretNameBytes = 64
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
	// MaxHTTPCalls counts calls of http_call.
	MaxHTTPCalls = 4
	// MaxCryptoBytes counts the bytes that the functions of crypto and secrets
	// hash, HMAC, sign and verify, their keys included.
	MaxCryptoBytes = 1 << 20
	// SignBytes is what a signature counts besides, since it takes long: no more
	// than fifteen can be made.
	SignBytes = 64 << 10
)

// ManifestSection is the name of the custom section that holds the manifest.
const ManifestSection = "cred.manifest"
