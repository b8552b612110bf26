// Package invariant judges what clients have seen of a cluster: a history of
// operations, each with the times of its call and its return on one clock. It
// does not know how the history came about, so that simulations and real
// processes are judged by the same rules.
//
// The invariants:
//
//	I1   nobody is accepted by a request that was made after a revocation returned
//	I1b  nobody is accepted by an answer that comes after a receipt said ENFORCED
//	I2   a status only goes forward: AVAILABLE, IN_USE, REVOKED
//	I3   at most one endpoint claims credentials
//	I4   no session is active after what ended it returned, or after its receipt
//	I5   acknowledged credentials are found by every later lookup
//	I6   each node runs what was deployed last, or refuses
//	I7   each acknowledged change has an entry in the audit log
//	I8   nothing shows up that nobody asked for, so no application's changes in another
//	L    the history of each credential is that of one register (linearizable)
//
// I1 to I8 are judged by monitors whose time grows little faster than the
// history. L needs a search, by porcupine, which is done for each credential
// alone.
package invariant
