package config

import (
	"path/filepath"
	"slices"
	"time"
)

// Config is the whole configuration of one node. The yaml tags are the names
// of the keys, in files and, joined with dots, in messages.
type Config struct {
	// Listen is the host and port that the REST API listens on. Port 0 picks a
	// free port.
	Listen string `yaml:"listen"`
	// DataDir is the folder that holds everything that survives a restart.
	DataDir string `yaml:"dataDir"`
	// BootstrapPassword is the password of the user admin at the first start.
	// Empty means: generate one.
	BootstrapPassword Secret `yaml:"bootstrapPassword"`
	// ShutdownTimeout bounds a graceful stop: requests in flight finish within
	// it or are cut.
	ShutdownTimeout time.Duration `yaml:"shutdownTimeout"`

	Node     Node     `yaml:"node"`
	Log      Log      `yaml:"log"`
	HTTP     HTTP     `yaml:"http"`
	Etcd     Etcd     `yaml:"etcd"`
	Cache    Cache    `yaml:"cache"`
	Cluster  Cluster  `yaml:"cluster"`
	Secrets  Secrets  `yaml:"secrets"`
	Sessions Sessions `yaml:"sessions"`
	Modules  Modules  `yaml:"modules"`
}

// Node says which of several nodes this one is.
type Node struct {
	// ID is the name under which the node is listed: 1 to 128 characters of
	// [A-Za-z0-9._-], and its own. Empty: the name of the host, with a random
	// ending where an external cluster may have several nodes of one host.
	ID string `yaml:"id"`
	// Lease is how long a node that is out of touch still counts as live, in
	// whole seconds.
	Lease time.Duration `yaml:"lease"`
}

// Log says what the node writes to its standard error.
type Log struct {
	// Level is the least severe level written: debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text (for people) or json (for collectors).
	Format string `yaml:"format"`
}

// HTTP bounds the requests of the REST API.
type HTTP struct {
	// RequestTimeout is the time a request may take, from its last byte read
	// to its answer.
	RequestTimeout time.Duration `yaml:"requestTimeout"`
	// DeployTimeout replaces RequestTimeout where modules are compiled: upload
	// and deploy.
	DeployTimeout time.Duration `yaml:"deployTimeout"`
	// MaxBodyBytes is the largest request body, in bytes, other than a module.
	MaxBodyBytes int64 `yaml:"maxBodyBytes"`
	// MaxModuleBytes is the largest module that can be uploaded, in bytes.
	MaxModuleBytes int64 `yaml:"maxModuleBytes"`
	// MaxInFlight is how many requests may be in flight at once. What takes
	// rights away, and what asks how the node is, does not count.
	MaxInFlight int `yaml:"maxInFlight"`
	// MaxEventStreams is how many streams of events may be open at once.
	MaxEventStreams int `yaml:"maxEventStreams"`

	TLS ServerTLS `yaml:"tls"`
}

// ServerTLS is the certificate that the REST API shows. Both empty: plain HTTP.
type ServerTLS struct {
	// CertFile is the path of the certificate chain, PEM.
	CertFile string `yaml:"certFile"`
	// KeyFile is the path of its private key, PEM.
	KeyFile string `yaml:"keyFile"`
}

// Enabled reports whether a certificate is configured.
func (t ServerTLS) Enabled() bool { return t.CertFile != "" }

// Etcd says where the state is kept.
type Etcd struct {
	// Endpoints are the members of an external cluster. Empty: a server
	// embedded in this process keeps the state in the data directory.
	Endpoints []string `yaml:"endpoints"`
	// Prefix comes before each key, so that a cluster can be shared. It begins
	// and ends with a slash.
	Prefix string `yaml:"prefix"`
	// DialTimeout is how long the first connection may take.
	DialTimeout time.Duration `yaml:"dialTimeout"`
	// Username and Password log in at an external cluster. Both or neither.
	Username string `yaml:"username"`
	Password Secret `yaml:"password"`

	// QuotaBytes is the quota of an external cluster, in bytes, where its
	// servers do not tell it, which they do from 3.6 on. 0: etcd's default.
	QuotaBytes int64 `yaml:"quotaBytes"`

	TLS         ClientTLS   `yaml:"tls"`
	Embedded    Embedded    `yaml:"embedded"`
	Maintenance Maintenance `yaml:"maintenance"`
}

// Maintained reports whether this node is to keep etcd in order.
func (e Etcd) Maintained() bool {
	return e.Maintenance.Mode == "on" || e.Maintenance.Mode == "auto" && !e.External()
}

// Maintenance says whether nodes compact and defragment etcd.
type Maintenance struct {
	// Mode is on, off, or auto: on for an embedded server, off for an external
	// cluster.
	Mode string `yaml:"mode"`
	// FreeBytes is how many bytes of a database's file must be free, beside
	// more than half of it, before it is defragmented.
	FreeBytes int64 `yaml:"freeBytes"`
}

// External reports whether an external cluster is configured.
func (e Etcd) External() bool { return len(e.Endpoints) > 0 }

// ClientTLS is how the node recognises an external cluster, and how it shows
// who it is.
type ClientTLS struct {
	// CAFile is the path of the authorities to trust, PEM. Empty: the system's.
	CAFile string `yaml:"caFile"`
	// CertFile and KeyFile are the client certificate and its key, PEM. Both or
	// neither.
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
	// ServerName is the name expected in the server's certificate. Empty: the
	// host of the endpoint.
	ServerName string `yaml:"serverName"`
}

// Enabled reports whether any of the TLS settings is given.
func (t ClientTLS) Enabled() bool { return t != ClientTLS{} }

// Embedded bounds the embedded server.
type Embedded struct {
	// QuotaBytes is the size, in bytes, at which the database takes no more.
	QuotaBytes int64 `yaml:"quotaBytes"`
}

// Cache is what the node keeps of the state in its memory.
type Cache struct {
	// Bytes is about the memory that it may take. 0 turns it off: each decision
	// then reads etcd.
	Bytes int64 `yaml:"bytes"`
}

// Cluster makes this node, with others of its like, an etcd cluster of their
// own. All but Enabled is needed at the first start only, and then kept in the
// data directory.
type Cluster struct {
	// Enabled says that the node is a member of a cluster.
	Enabled bool `yaml:"enabled"`
	// Name is the member's own: 1 to 128 characters of [A-Za-z0-9._-]. Empty:
	// that of node.id, or else the name of the host.
	Name string `yaml:"name"`
	// Secret is shared by all members, at least 32 characters, or an at sign and
	// the path of a file with it. Empty: that of the token, or a new one.
	Secret Secret `yaml:"secret"`
	// Members are all members of a new cluster, each name=host:port. Empty: the
	// node joins by Join, or begins a cluster.
	Members []string `yaml:"members"`
	// Join is the token of the cluster to join, or an at sign and the path of a
	// file with it.
	Join Secret `yaml:"join"`
	// ListenPeer and ListenClient are where the node listens for other members,
	// IP:port. Empty: port 7380 and port 7379 of all addresses.
	ListenPeer   string `yaml:"listenPeer"`
	ListenClient string `yaml:"listenClient"`
	// Advertise is the host under which other members reach this node. Empty:
	// the one in Members, or the address of this machine.
	Advertise string `yaml:"advertise"`
}

// Given reports whether anything but Enabled is set.
func (c Cluster) Given() bool {
	return c.Name != "" || c.Secret != "" || len(c.Members) > 0 || c.Join != "" || c.ListenPeer != "" || c.ListenClient != "" || c.Advertise != ""
}

// Secrets holds the keys that encrypt the secrets, and the keys of sessions, in
// the store. At most one of the two is given; neither is needed with an embedded etcd.
type Secrets struct {
	// KeyFile is the path of a file with a key in each line, 32 bytes in
	// standard base64: the first encrypts, all decrypt.
	KeyFile string `yaml:"keyFile"`
	// Key is one such key.
	Key Secret `yaml:"key"`
}

// Sessions says what sessions are opened, and how their tokens are made. Give
// all nodes the same.
type Sessions struct {
	// MaxTTL is the longest that a session may be asked for.
	MaxTTL time.Duration `yaml:"maxTTL"`
	// Issuer is who tokens say that they come from (iss).
	Issuer string `yaml:"issuer"`
	// KeyRotation is how long one key signs tokens.
	KeyRotation time.Duration `yaml:"keyRotation"`
}

// Modules bounds the WebAssembly modules that decide about credentials. A
// service may lower these limits for itself.
type Modules struct {
	// CacheDir is the folder of compiled modules. It can be deleted while the
	// node is stopped. Empty in the sources: Load sets it to a folder of the
	// data directory.
	CacheDir string `yaml:"cacheDir"`
	// CallTimeout bounds a lookup, a mark in use or a proof verification.
	CallTimeout time.Duration `yaml:"callTimeout"`
	// ProvideTimeout bounds a provisioning or a revocation.
	ProvideTimeout time.Duration `yaml:"provideTimeout"`
	// CompileTimeout bounds the compilation of a module.
	CompileTimeout time.Duration `yaml:"compileTimeout"`
	// StartTimeout bounds the start of an instance and its configuration.
	StartTimeout time.Duration `yaml:"startTimeout"`
	// MemoryPages is the memory of an instance that asks for nothing, in pages
	// of 64 KiB.
	MemoryPages int `yaml:"memoryPages"`
	// MemoryPagesCeiling is the most that a service may be given, in pages of
	// 64 KiB.
	MemoryPagesCeiling int `yaml:"memoryPagesCeiling"`
	// MemoryBudget is how many bytes of memory all instances of this node may
	// hold together. 0: a quarter of the memory of the machine or container.
	MemoryBudget int64 `yaml:"memoryBudget"`
	// Concurrency is how many calls of one service and application run at once.
	Concurrency int `yaml:"concurrency"`
	// Queue is how many more may wait for their turn; the next is refused.
	Queue int `yaml:"queue"`
	// QueueWait is how long one waits before it is refused.
	QueueWait time.Duration `yaml:"queueWait"`
	// HostCalls is how many functions of the host one operation may call.
	HostCalls int `yaml:"hostCalls"`
	// DeployWait is how long a deployment waits for other nodes to be ready
	// before it goes on without them.
	DeployWait time.Duration `yaml:"deployWait"`
	// Capabilities are those that modules may have on this node, whatever
	// their services are granted.
	Capabilities []string `yaml:"capabilities"`
	// DropIn is a folder whose modules are deployed when the node starts. Empty:
	// none.
	DropIn string `yaml:"dropIn"`

	Signatures Signatures  `yaml:"signatures"`
	HTTP       ModulesHTTP `yaml:"http"`
}

// Signatures says which modules the node runs.
type Signatures struct {
	// Policy is off (all), warn (all, and those without a good signature are
	// logged) or required (those with a good signature only).
	Policy string `yaml:"policy"`
	// Keys are the Ed25519 public keys whose signatures are good, each
	// name=FILE (PEM) or name=BASE64.
	Keys []string `yaml:"keys"`
}

// ModulesHTTP is how modules reach other systems.
type ModulesHTTP struct {
	// AllowPrivate lets grants open private and loopback addresses to modules.
	AllowPrivate bool `yaml:"allowPrivate"`
	// CAFile is the path of authorities to trust besides the system's, PEM.
	CAFile string `yaml:"caFile"`
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// capabilities of modules beyond those that all have.
var capabilities = []string{"kv", "clock", "random", "crypto", "http", "secrets"}

func defaults() Config {
	return Config{
		Listen:          "127.0.0.1:8080",
		DataDir:         "./credence-data",
		ShutdownTimeout: 10 * time.Second,
		Node:            Node{Lease: 10 * time.Second},
		Log:             Log{Level: "info", Format: "text"},
		HTTP: HTTP{
			RequestTimeout:  10 * time.Second,
			DeployTimeout:   time.Minute,
			MaxBodyBytes:    256 * kib,
			MaxModuleBytes:  8 * mib,
			MaxInFlight:     256,
			MaxEventStreams: 256,
		},
		Etcd: Etcd{
			Endpoints:   []string{},
			Prefix:      "/credence/v1/",
			DialTimeout: 5 * time.Second,
			Embedded:    Embedded{QuotaBytes: 2 * gib},
			Maintenance: Maintenance{Mode: "auto", FreeBytes: 64 * mib},
		},
		Cache:    Cache{Bytes: 64 * mib},
		Cluster:  Cluster{Members: []string{}},
		Sessions: Sessions{MaxTTL: 24 * time.Hour, Issuer: "credence", KeyRotation: 24 * time.Hour},
		Modules: Modules{
			CallTimeout:        250 * time.Millisecond,
			ProvideTimeout:     time.Second,
			CompileTimeout:     10 * time.Second,
			StartTimeout:       time.Second,
			MemoryPages:        256,
			MemoryPagesCeiling: 4096,
			Concurrency:        16,
			Queue:              64,
			QueueWait:          50 * time.Millisecond,
			HostCalls:          256,
			DeployWait:         10 * time.Second,
			Signatures:         Signatures{Policy: "off", Keys: []string{}},
			Capabilities:       slices.Clone(capabilities),
		},
	}
}

// derive fills what follows from other values.
func (c *Config) derive() {
	if c.Modules.CacheDir == "" {
		c.Modules.CacheDir = filepath.Join(c.DataDir, "module-cache")
	}
}
