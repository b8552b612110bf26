// Package rest is the HTTP front of the engine: it authenticates, checks what
// was sent, calls one use case of package engine, and writes the answer as
// JSON or the refusal as problem details (RFC 9457). It decides nothing about
// endpoints itself.
//
// All routes stand in one table, in routes.go, with who may call them, what
// they take and which function answers; everything that is common to them
// happens once, on the way through that table.
package rest
