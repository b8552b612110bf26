// Package engine is the domain of Credence: which endpoints may connect to
// which application, and who decides.
//
// It holds the nouns (application, credentials, registration, service,
// module, user), the verbs (provision, verify, revoke, deploy), the errors,
// and two contracts that other packages implement: [Store], where all state
// lives, and [CredentialsService], which decides about the credentials of an
// application's endpoints. Built-in services and WebAssembly modules come
// through the same door, and the engine trusts neither: it checks each answer
// as it would check a reply from the network, and its own record of a
// revocation outranks every service.
//
// What it promises is numbered, and each number stands where the rule acts and
// in the tests that hold it against histories (engine/enginetest/invariant):
//
//	I1   nobody is accepted by a request that was made after a revocation
//	     returned: strict reads and the commit's checks ([Tx], [Store])
//	I1b  nor by an answer that comes after a receipt said ENFORCED: the second
//	     look at the denial, the fence, the acknowledgements
//	I2   a status only goes forward, and REVOKED is final: [Status]
//	I3   at most one endpoint claims credentials: [Credentials.ClaimedBy]
//	I4   no session is active after what ended it: it is born in the commit of
//	     its verdict, and judged with what ends it
//	I5   acknowledged credentials are found by every later lookup: [Engine.Provision]
//	I6   each node runs the module that was deployed last, or refuses: which one
//	     that is stands in the store and is read with each decision
//	I7   each acknowledged change has an entry in the audit log: [AuditEntry]
//	I8   no tenant's changes show in another's: keys begin with the application,
//	     which is looked up below its tenant
//
// The package imports nothing else of this project; every other package
// points here.
package engine
