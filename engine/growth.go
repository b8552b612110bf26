package engine

// growing are the actions, by their names in the audit log, that add to what
// is kept for good. A store that is nearly full refuses them, so that what
// takes rights away, and what lets devices in, finds room to the last: verify
// with its claims, revoke, unbind, delete, suspend, roll back.
var growing = map[string]bool{
	"application.create":    true,
	"credentials.provision": true,
	"credentials.import":    true,
	"registration.bind":     true,
	"module.upload":         true,
	"service.deploy":        true,
	"secret.set":            true,
}
