package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// The layout of the store. Ids come last in a key, so that any character may
// stand in them. Credentials are spread over shards, so that no range that is
// read on a request's path grows with their number alone.
//
//	tenant/…/app/<app>            application
//	tenant/…/appname/<name>       name → application id
//	token/<token>                 application token → tenant and id
//	cred/<app>/<shard>/<id>       credentials
//	reg/<app>/<shard>/<id>        registration
//	session/<app>/<shard>/<id>    an open session; the shard is that of its id
//	ended/<app>/<shard>/<endpoint>  the endpoint's sessions of before are over
//	sessionkey/<kid>              a key that signs tokens, its private part encrypted
//	sessionkeyguard               written with each change of those
//	due/<hour>/<key>              the record under that key can go then
//	notice/<app>/<id>             a revocation that a module has not been told of
//	denial/<app>                  written with each end of rights in an application
//	kv/<app>/<service>/<key>      a service's own state
//	kvguard/<app>/<service>       written with each change of that state
//	service/<name>                newest revision of a custom service
//	servicerev/<name>/<n>         each of the last revisions
//	serviceuse/<name>/<app>       an application uses the service
//	useguard/<name>               written with each change of those
//	deploy/<name>                 a deployment under way, for nodes to prepare (ephemeral)
//	ack/<node>                    up to where a node has carried out what denial/ tells of (ephemeral)
//	node/<id>                     a live node's account of itself (ephemeral)
//	module/<digest>               what a module is
//	chunk/<digest>/<n>            its bytes
//	moduleuse/<digest>/<service>.<n>  a revision of a service refers to the module
//	moduleguard/<digest>          written with each change of those
//	secret/<name>                 a named secret, encrypted
//	user/<name>                   people
//	audit/<operation>             who did what, in the order of time
//	idem/<day>/<hash>             answers kept for repeated requests
//	purge/<app>                   a deleted application whose records are being removed
//	backup                        when the state was last copied; in the copy: when it was made
//	generation                    how often it was put back from a copy
//	maintenance                   the store that keeps an external etcd in order (ephemeral; the store's own)
const shardCount = 256

// shardNames are the shards as they stand in keys, in order.
var shardNames = func() (names [shardCount]string) {
	for i := range names {
		names[i] = hex.EncodeToString([]byte{byte(i)})
	}
	return names
}()

// shardOf is the FNV-1a hash of an id, of which the last byte counts.
func shardOf(id CredentialsID) string {
	hash := uint32(2166136261)
	for i := range len(id) {
		hash = (hash ^ uint32(id[i])) * 16777619
	}
	return shardNames[hash%shardCount]
}

func appPrefix(t TenantID) string               { return "tenant/" + string(t) + "/app/" }
func appKey(t TenantID, a ApplicationID) string { return appPrefix(t) + string(a) }
func appNameKey(t TenantID, name string) string { return "tenant/" + string(t) + "/appname/" + name }
func tokenKey(token string) string              { return "token/" + token }
func credKey(a ApplicationID, id CredentialsID) string {
	return "cred/" + string(a) + "/" + shardOf(id) + "/" + string(id)
}

func regKey(a ApplicationID, id CredentialsID) string {
	return "reg/" + string(a) + "/" + shardOf(id) + "/" + string(id)
}

// sessionKey is where a session is; its shard is the beginning of its id.
func sessionKey(a ApplicationID, id SessionID) string {
	return "session/" + string(a) + "/" + string(id[:2]) + "/" + string(id)
}

// sessionPrefix is where all sessions of credentials are.
func sessionPrefix(a ApplicationID, id CredentialsID) string {
	return sessionKey(a, SessionID(sessionsOf(id)))
}

const endedPrefix = "ended/"

func endedKey(a ApplicationID, e EndpointID) string {
	return endedPrefix + string(a) + "/" + shardOf(CredentialsID(e)) + "/" + string(e)
}

const (
	jwtKeyPrefix    = "sessionkey/"
	jwtKeyGuard     = "sessionkeyguard"
	duePrefix       = "due/"
	dueHourForm     = "2006010215"
	dueHourKeyBytes = len(duePrefix) + len(dueHourForm) + 1
)

func jwtKeyKey(kid string) string { return jwtKeyPrefix + kid }

const (
	noticePrefix = "notice/"
	denialPrefix = "denial/"
	auditPrefix  = "audit/"
	ackPrefix    = "ack/"
)

func noticesOf(a ApplicationID) string { return noticePrefix + string(a) + "/" }

func noticeKey(a ApplicationID, id CredentialsID) string {
	return noticesOf(a) + string(id)
}

func denialKey(a ApplicationID) string { return denialPrefix + string(a) }

func kvOf(a ApplicationID) string       { return "kv/" + string(a) + "/" }
func kvGuardsOf(a ApplicationID) string { return "kvguard/" + string(a) + "/" }

func kvPrefix(s ServiceName, a ApplicationID) string {
	return kvOf(a) + string(s) + "/"
}

func kvGuardKey(s ServiceName, a ApplicationID) string {
	return kvGuardsOf(a) + string(s)
}

func serviceKey(s ServiceName) string       { return "service/" + string(s) }
func serviceRevPrefix(s ServiceName) string { return "servicerev/" + string(s) + "/" }
func serviceRevKey(s ServiceName, n int) string {
	return fmt.Sprintf("%s%010d", serviceRevPrefix(s), n)
}
func serviceUsePrefix(s ServiceName) string { return "serviceuse/" + string(s) + "/" }
func useGuardKey(s ServiceName) string      { return "useguard/" + string(s) }
func moduleKey(d Digest) string             { return "module/" + d.hex() }
func chunkKey(d Digest, n int) string       { return fmt.Sprintf("chunk/%s/%04d", d.hex(), n) }
func moduleUsePrefix(d Digest) string       { return "moduleuse/" + d.hex() + "/" }
func moduleGuardKey(d Digest) string        { return "moduleguard/" + d.hex() }

func moduleUseKey(d Digest, s ServiceName, n int) string {
	return fmt.Sprintf("%s%s.%d", moduleUsePrefix(d), s, n)
}

func secretKey(n SecretName) string    { return "secret/" + string(n) }
func deployKey(s ServiceName) string   { return "deploy/" + string(s) }
func ackKey(n NodeID) string           { return ackPrefix + string(n) }
func nodeKey(n NodeID) string          { return "node/" + string(n) }
func userKey(u UserName) string        { return "user/" + string(u) }
func auditKey(operation string) string { return auditPrefix + operation }
func purgeKey(a ApplicationID) string  { return "purge/" + string(a) }

func serviceUseKey(s ServiceName, a ApplicationID) string {
	return serviceUsePrefix(s) + string(a)
}

const (
	backupKey     = "backup"
	generationKey = "generation"
)

// shardPrefixes lists the prefixes of a sharded kind ("cred", "reg") in the
// order of keys.
func shardPrefixes(kind string, a ApplicationID) []string {
	prefixes := make([]string, shardCount)
	for i := range prefixes {
		prefixes[i] = kind + "/" + string(a) + "/" + shardNames[i] + "/"
	}
	return prefixes
}

// lastSegment returns what follows the last slash of a key whose last part
// holds none.
func lastSegment(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
