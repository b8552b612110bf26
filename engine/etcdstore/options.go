package etcdstore

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
)

// Defaults of [Options].
const (
	DefaultPrefix      = "/credence/v1/"
	DefaultDialTimeout = 5 * time.Second
	// DefaultLease is how long ephemeral records outlive the loss of touch.
	DefaultLease = 10 * time.Second
	// DefaultQuotaBytes is etcd's own default for the size of a database.
	DefaultQuotaBytes = 2 << 30
	// MaxQuotaBytes is the largest size that etcd's documentation advises.
	MaxQuotaBytes = 8 << 30
)

// maxPrefixBytes keeps the prefix of every key of the largest commit, 241 of
// them, far below the 0.5 MiB that lie between engine.MaxCommitBytes and the
// size of a request that etcd accepts by default.
const maxPrefixBytes = 256

// Options say where the state is.
type Options struct {
	// Endpoints are the members of an external cluster, host:port or URLs.
	// Empty: a server embedded in this process keeps the state in DataDir.
	Endpoints []string
	// Prefix comes before every key, so that a cluster can be shared.
	// Empty: DefaultPrefix.
	Prefix string
	// Logger takes the warnings and errors of etcd and its client. Nil: none.
	Logger *slog.Logger

	// DialTimeout is how long Open waits for an external cluster, and then for
	// the first answer. 0: DefaultDialTimeout.
	DialTimeout time.Duration
	// Lease is how long ephemeral records outlive a store that is out of touch
	// with etcd, in whole seconds; etcd adds up to its election time. 0:
	// DefaultLease.
	Lease time.Duration
	// Username and Password log in at an external cluster. Both or neither.
	Username, Password string
	// TLS secures the connections to an external cluster. Nil: plain ones,
	// unless the endpoints begin with https. See [TLSFiles].
	TLS *tls.Config

	// QuotaBytes is the quota of an external cluster whose servers, before 3.6,
	// do not tell it. 0: DefaultQuotaBytes.
	QuotaBytes int64

	// DataDir is the folder of the embedded server. It is made if missing,
	// and used by one process at a time.
	DataDir  string
	Embedded Embedded
	// Cluster makes the embedded server a member of a cluster. Nil: it stands
	// alone.
	Cluster *Cluster
}

// Embedded bounds the embedded server.
type Embedded struct {
	// QuotaBytes is the size in bytes at which the database takes no more, at
	// most MaxQuotaBytes. 0: DefaultQuotaBytes.
	QuotaBytes int64
}

// TLSFiles name the PEM files of a TLS client. The client certificate is read
// anew for each connection, so that it can be replaced while in use.
type TLSFiles struct {
	CAFile            string // authorities to trust; empty: the system's
	CertFile, KeyFile string // the client's certificate and key; both or neither
	ServerName        string // name expected in the server's certificate; empty: the endpoint's host
}

// Config makes the configuration for Options.TLS; it is nil when nothing is
// named.
func (f TLSFiles) Config() (*tls.Config, error) {
	if f == (TLSFiles{}) {
		return nil, nil
	}
	if (f.CertFile == "") != (f.KeyFile == "") {
		return nil, fmt.Errorf("a client certificate for etcd needs both a certificate file and a key file")
	}
	info := transport.TLSInfo{
		TrustedCAFile: f.CAFile, CertFile: f.CertFile, KeyFile: f.KeyFile, ServerName: f.ServerName,
	}
	config, err := info.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the TLS files for etcd cannot be used: %w", err)
	}
	return config, nil
}

// complete fills in the defaults and refuses what cannot work.
func (o Options) complete() (Options, error) {
	o.Prefix = cmp.Or(o.Prefix, DefaultPrefix)
	o.DialTimeout = cmp.Or(o.DialTimeout, DefaultDialTimeout)
	o.Lease = cmp.Or(o.Lease, DefaultLease)
	o.QuotaBytes = cmp.Or(o.QuotaBytes, DefaultQuotaBytes)
	o.Embedded.QuotaBytes = cmp.Or(o.Embedded.QuotaBytes, DefaultQuotaBytes)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch external := len(o.Endpoints) > 0; {
	case !strings.HasSuffix(o.Prefix, "/"):
		return o, fmt.Errorf("the prefix of keys in etcd %q must end with a slash", o.Prefix)
	case len(o.Prefix) > maxPrefixBytes:
		return o, fmt.Errorf("the prefix of keys in etcd has %d bytes; at most %d are allowed", len(o.Prefix), maxPrefixBytes)
	case o.DialTimeout < 0:
		return o, fmt.Errorf("the dial timeout of etcd %v must be positive", o.DialTimeout)
	case o.Lease < time.Second || o.Lease%time.Second != 0:
		return o, fmt.Errorf("the lease in etcd %v must be a number of whole seconds", o.Lease)
	case o.QuotaBytes < 0:
		return o, fmt.Errorf("the quota of etcd is %d bytes; it must be positive", o.QuotaBytes)
	case !external && o.DataDir == "":
		return o, fmt.Errorf("name a data directory for the embedded etcd, or the endpoints of an external cluster")
	case !external && (o.Embedded.QuotaBytes < 0 || o.Embedded.QuotaBytes > MaxQuotaBytes):
		return o, fmt.Errorf("the quota of the embedded etcd is %d bytes; it must be between 1 and %d", o.Embedded.QuotaBytes, int64(MaxQuotaBytes))
	case external && o.Cluster != nil:
		return o, fmt.Errorf("a member of a cluster keeps the state itself: give it no endpoints of an external one")
	case (o.Username == "") != (o.Password == ""):
		return o, fmt.Errorf("to log in at etcd, both a user name and a password are needed")
	}
	return o, nil
}
