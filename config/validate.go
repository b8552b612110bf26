package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// validate checks what the types cannot say. It reports everything that it
// finds, in the order of the keys in the sample.
func validate(c Config, origin map[string]string) error {
	v := validator{origin: origin}
	v.node(c)
	v.http(c.HTTP)
	v.etcd(c.Etcd)
	v.check(c.Cache.Bytes == 0 || c.Cache.Bytes >= mib && c.Cache.Bytes <= 64*gib, "cache.bytes", c.Cache.Bytes,
		"must be between %d and %d, or 0 for no cache", mib, int64(64*gib))
	v.cluster(c)
	v.secrets(c.Secrets)
	v.sessions(c.Sessions)
	v.modules(c.Modules)
	v.check(!strings.ContainsRune(c.Modules.DropIn, 0), "modules.dropIn", c.Modules.DropIn, "must be the path of a folder")
	v.check(c.Modules.DeployWait > 0 && c.Modules.DeployWait < c.HTTP.DeployTimeout, "modules.deployWait", c.Modules.DeployWait,
		"must be longer than 0s and shorter than http.deployTimeout, %s", c.HTTP.DeployTimeout)
	return errors.Join(v.problems...)
}

type validator struct {
	origin   map[string]string
	problems []error
}

// check records a problem with the value of a key unless ok.
func (v *validator) check(ok bool, key string, value any, why string, args ...any) {
	if ok {
		return
	}
	source, given := v.origin[key]
	if !given {
		source = "not set"
	}
	v.problems = append(v.problems, refuse(key, value, source, fmt.Sprintf(why, args...)))
}

func (v *validator) oneOf(key, value string, allowed ...string) {
	v.check(slices.Contains(allowed, value), key, value, "must be one of %s", strings.Join(allowed, ", "))
}

func (v *validator) positive(key string, d time.Duration) {
	v.check(d > 0, key, d, "must be longer than 0s")
}

func (v *validator) within(key string, d, longest time.Duration) {
	v.check(d > 0 && d <= longest, key, d, "must be longer than 0s and at most %s", longest)
}

func (v *validator) between(key string, n, least, most int64) {
	v.check(n >= least && n <= most, key, n, "must be between %d and %d", least, most)
}

// together refuses one of two texts without the other.
func (v *validator) together(key, value, otherKey, other string) {
	v.check(value == "" || other != "", otherKey, other, "must be given, because %s is", key)
	v.check(other == "" || value != "", key, value, "must be given, because %s is", otherKey)
}

var nodeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

func (v *validator) node(c Config) {
	v.listen(c.Listen)
	v.check(strings.TrimSpace(c.DataDir) != "" && !strings.ContainsRune(c.DataDir, 0), "dataDir", c.DataDir,
		"must be the path of a folder")
	// RFC 7617, section 2: a password of HTTP Basic has no control characters.
	v.check(!strings.ContainsFunc(string(c.BootstrapPassword), unicode.IsControl), "bootstrapPassword", nil,
		"must not hold control characters such as line ends, which HTTP Basic cannot carry")
	v.positive("shutdownTimeout", c.ShutdownTimeout)
	v.check(c.Node.ID == "" || nodeID.MatchString(c.Node.ID), "node.id", c.Node.ID, "must be 1 to 128 letters, digits, dots, dashes or underscores")
	v.check(c.Node.Lease >= 2*time.Second && c.Node.Lease <= 5*time.Minute && c.Node.Lease%time.Second == 0, "node.lease", c.Node.Lease,
		"must be a number of whole seconds between 2s and 5m")
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
}

func (v *validator) listen(address string) {
	_, port, err := net.SplitHostPort(address)
	v.check(err == nil && isPort(port, 0), "listen", address,
		"must be host:port with a port of 0 to 65535, such as 127.0.0.1:8080; an IPv6 host goes in brackets")
}

func isPort(text string, least uint64) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n >= least
}

func (v *validator) http(h HTTP) {
	v.positive("http.requestTimeout", h.RequestTimeout)
	v.positive("http.deployTimeout", h.DeployTimeout)
	// One request to etcd ends at 1.5 MiB; what a body becomes must fit.
	v.between("http.maxBodyBytes", h.MaxBodyBytes, kib, mib)
	v.between("http.maxModuleBytes", h.MaxModuleBytes, kib, 32*mib)
	v.between("http.maxInFlight", int64(h.MaxInFlight), 1, 65536)
	v.between("http.maxEventStreams", int64(h.MaxEventStreams), 1, 65536)
	v.together("http.tls.certFile", h.TLS.CertFile, "http.tls.keyFile", h.TLS.KeyFile)
}

func (v *validator) etcd(e Etcd) {
	for i, endpoint := range e.Endpoints {
		v.endpoint(endpoint, e.TLS.Enabled())
		v.check(!slices.Contains(e.Endpoints[:i], endpoint), "etcd.endpoints", nil, "item %d is there twice", i+1)
	}
	v.check(isPrefix(e.Prefix), "etcd.prefix", e.Prefix,
		"must begin and end with a slash, with printable characters and no empty level between, such as /credence/")
	v.positive("etcd.dialTimeout", e.DialTimeout)
	v.together("etcd.username", e.Username, "etcd.password", string(e.Password))
	v.check(e.QuotaBytes == 0 || e.External(), "etcd.quotaBytes", e.QuotaBytes,
		"is for an external cluster, and etcd.endpoints is not given; see etcd.embedded.quotaBytes")
	v.check(e.QuotaBytes == 0 || e.QuotaBytes >= 2*mib, "etcd.quotaBytes", e.QuotaBytes, "must be 0 or at least %d", 2*mib)
	v.together("etcd.tls.certFile", e.TLS.CertFile, "etcd.tls.keyFile", e.TLS.KeyFile)
	v.check(e.External() || e.Username == "" && e.Password == "" && !e.TLS.Enabled(), "etcd.endpoints", nil,
		"must be given, because etcd.username, etcd.password or etcd.tls is, and those are for an external cluster")
	// At least one request, which ends at 1.5 MiB; at most what etcd suggests.
	v.between("etcd.embedded.quotaBytes", e.Embedded.QuotaBytes, 2*mib, 8*gib)
	v.oneOf("etcd.maintenance.mode", e.Maintenance.Mode, "auto", "on", "off")
	v.between("etcd.maintenance.freeBytes", e.Maintenance.FreeBytes, mib, 1<<50)
}

// endpoint accepts host:port, http(s)://host:port and unix(s):///path. It shows
// the value only when no user or password can be in it.
func (v *validator) endpoint(text string, wantTLS bool) {
	const key = "etcd.endpoints"
	if strings.Contains(text, "@") {
		v.check(false, key, nil, "must not hold a user or a password; use etcd.username and etcd.password")
		return
	}
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if !hasScheme {
		scheme, rest = "", text
	}
	v.check(isMember(scheme, rest), key, text,
		"each item must be host:port, http://host:port, https://host:port, unix:///path or unixs:///path")
	v.check(!wantTLS || scheme != "http" && scheme != "unix", key, text,
		"is without encryption, but etcd.tls is given; write https:// or remove etcd.tls")
}

// isMember judges what follows the scheme of an endpoint.
func isMember(scheme, rest string) bool {
	switch scheme {
	case "unix", "unixs":
		return len(rest) > 1 && strings.HasPrefix(rest, "/")
	case "", "http", "https":
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" || !isPort(port, 1) {
			return false
		}
		u, err := url.Parse("http://" + rest)
		return err == nil && u.Host == rest
	default:
		return false
	}
}

func isPrefix(p string) bool {
	const longest = 256
	return len(p) >= len("/x/") && len(p) <= longest &&
		strings.HasPrefix(p, "/") && strings.HasSuffix(p, "/") && !strings.Contains(p, "//") &&
		!strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

// cluster checks what can be told from the form. What is in the data directory
// may be missing here.
func (v *validator) cluster(c Config) {
	m := c.Cluster
	v.check(!m.Enabled || !c.Etcd.External(), "cluster.enabled", m.Enabled, "must not be given together with etcd.endpoints: the state is in one place")
	v.check(m.Name == "" || nodeID.MatchString(m.Name), "cluster.name", m.Name, "must be 1 to 128 letters, digits, dots, dashes or underscores")
	const shortest = 32
	secret := string(m.Secret)
	v.check(secret == "" || strings.HasPrefix(secret, "@") || len(secret) >= shortest, "cluster.secret", nil,
		"must have at least %d characters, as `openssl rand -base64 32` makes them, or be @ and the name of a file", shortest)
	v.check(!strings.HasPrefix(v.origin["cluster.join"], "flag ") || strings.HasPrefix(string(m.Join), "@"), "cluster.join", nil,
		"must be @ and the name of a file with the token, because every user of this machine can read the command line; %s takes the token itself", envName("cluster.join"))
	v.check(len(m.Members) == 0 || m.Join == "", "cluster.members", nil, "must not be given together with cluster.join: whoever joins learns the members from the others")
	v.members(m.Members)
	v.listenIP("cluster.listenPeer", m.ListenPeer)
	v.listenIP("cluster.listenClient", m.ListenClient)
	v.check(m.Advertise == "" || isMember("", net.JoinHostPort(m.Advertise, "1")), "cluster.advertise", m.Advertise,
		"must be a host name or an IP address, without a port")
}

func (v *validator) members(members []string) {
	const key, most = "cluster.members", 7
	v.check(len(members) <= most, key, len(members), "must be at most %d members: with each, every write takes longer", most)
	names, addresses := map[string]bool{}, map[string]bool{}
	for _, text := range members {
		name, address, _ := strings.Cut(text, "=")
		v.check(nodeID.MatchString(name) && isMember("", address), key, text, "each item must be name=host:port, such as n0=10.0.0.10:7380")
		v.check(!names[name] && !addresses[address], key, text, "the name or the address is there twice")
		names[name], addresses[address] = true, true
	}
}

// listenIP accepts IP:port, which etcd asks for.
func (v *validator) listenIP(key, address string) {
	host, port, err := net.SplitHostPort(address)
	v.check(address == "" || err == nil && net.ParseIP(host) != nil && isPort(port, 1), key, address, "must be IP:port, such as 0.0.0.0:7380")
}

func (v *validator) secrets(s Secrets) {
	v.check(s.KeyFile == "" || s.Key == "", "secrets.keyFile", s.KeyFile, "must not be given together with secrets.key: a file can hold several keys")
	v.check(!strings.ContainsRune(s.KeyFile, 0), "secrets.keyFile", s.KeyFile, "must be the path of a file")
}

// What the engine keeps of sessions and keys goes by the longest of these.
const (
	longestSession   = 7 * 24 * time.Hour
	shortestRotation = time.Hour
	longestRotation  = 366 * 24 * time.Hour
	longestIssuer    = 256
)

func (v *validator) sessions(s Sessions) {
	v.check(s.MaxTTL >= time.Second && s.MaxTTL <= longestSession && s.MaxTTL%time.Second == 0, "sessions.maxTTL", s.MaxTTL,
		"must be a number of whole seconds between 1s and %s", longestSession)
	v.check(s.Issuer != "" && len(s.Issuer) <= longestIssuer && !strings.ContainsFunc(s.Issuer, func(r rune) bool { return r <= ' ' || r > '~' }),
		"sessions.issuer", s.Issuer, "must be 1 to %d visible ASCII characters, such as https://credence.example.com", longestIssuer)
	v.check(s.KeyRotation >= shortestRotation && s.KeyRotation <= longestRotation, "sessions.keyRotation", s.KeyRotation,
		"must be between %s and %s", shortestRotation, longestRotation)
}

// The largest values of these settings are those of the sandbox's design:
// calls and starts end within 5 s, compilations within a minute, whatever an operator would like.
const (
	longestCall        = 5 * time.Second
	longestCompilation = time.Minute
)

func (v *validator) modules(m Modules) {
	v.check(!strings.ContainsRune(m.CacheDir, 0), "modules.cacheDir", m.CacheDir, "must be the path of a folder")
	v.within("modules.callTimeout", m.CallTimeout, longestCall)
	v.within("modules.provideTimeout", m.ProvideTimeout, longestCall)
	v.within("modules.compileTimeout", m.CompileTimeout, longestCompilation)
	v.within("modules.startTimeout", m.StartTimeout, longestCall)
	// A memory of WebAssembly ends at 65536 pages, 4 GiB.
	v.between("modules.memoryPagesCeiling", int64(m.MemoryPagesCeiling), 1, 65536)
	v.check(m.MemoryPages >= 1 && m.MemoryPages <= m.MemoryPagesCeiling, "modules.memoryPages", m.MemoryPages,
		"must be between 1 and modules.memoryPagesCeiling, %d", m.MemoryPagesCeiling)
	v.check(m.MemoryBudget == 0 || m.MemoryBudget >= mib, "modules.memoryBudget", m.MemoryBudget,
		"must be at least %d bytes, or 0 for a quarter of this machine's memory", mib)
	// Each running call holds an instance of up to memoryPages.
	v.between("modules.concurrency", int64(m.Concurrency), 1, 1024)
	v.between("modules.queue", int64(m.Queue), 0, 65536)
	v.check(m.QueueWait >= 0 && m.QueueWait <= longestCall, "modules.queueWait", m.QueueWait,
		"must be between 0s and %s", longestCall)
	v.between("modules.hostCalls", int64(m.HostCalls), 1, 65536)
	for i, c := range m.Capabilities {
		v.check(slices.Contains(capabilities, c), "modules.capabilities", c, "each item must be one of %s", strings.Join(capabilities, ", "))
		v.check(!slices.Contains(m.Capabilities[:i], c), "modules.capabilities", c, "is there twice")
	}
	v.check(!strings.ContainsRune(m.HTTP.CAFile, 0), "modules.http.caFile", m.HTTP.CAFile, "must be the path of a file")
	v.signatures(m.Signatures)
}

func (v *validator) signatures(s Signatures) {
	v.oneOf("modules.signatures.policy", s.Policy, "off", "warn", "required")
	v.check(s.Policy == "off" || len(s.Keys) > 0, "modules.signatures.keys", nil, "must be given, because modules.signatures.policy is %s", s.Policy)
	for i, key := range s.Keys {
		name, _, found := strings.Cut(key, "=")
		v.check(found && name != "", "modules.signatures.keys", key, "each item must be name=FILE or name=BASE64")
		twice := slices.ContainsFunc(s.Keys[:i], func(other string) bool { return strings.HasPrefix(other, name+"=") })
		v.check(!twice, "modules.signatures.keys", key, "the name is there twice")
	}
}
