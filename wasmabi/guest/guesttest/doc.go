// Package guesttest runs a credentials service natively, under go test: the
// author's code and the dispatch of package guest are those of a module, and
// only the engine around them is played, in memory.
//
//	i := guesttest.New(t, &service{})
//	i.Configure(`{"quota": 50}`)
//	_, err := i.Provide(guest.Credentials{ID: "SN-1"})
//	require.NoError(t, err)
//
// What the engine enforces is enforced here too: an answer for another id is
// an error, and what a refused operation wrote is dropped.
package guesttest
