package etcdstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The ports of a member, where nothing else is said.
const (
	DefaultListenPeer   = "0.0.0.0:7380"
	DefaultListenClient = "0.0.0.0:7379"
)

// Cluster makes the embedded server a member of a cluster of its like. Which
// members there are is said once, at the first start: by Members, the same for
// all of them; by Join; or, with neither, by the member being the first. From
// then on it is in the data directory, and so is all that is left empty here.
type Cluster struct {
	// Name is the member's own: 1 to 128 characters of [A-Za-z0-9._-].
	// Fallback is it where neither Name nor the data directory says one.
	Name, Fallback string
	// Secret is shared by all members, at least MinSecretBytes. Empty: that of
	// the data directory or of the token; else the first member makes one.
	Secret string
	// Members are all members of a new cluster, this one among them.
	Members []Member
	// Join is the token of a member of the cluster to join.
	Join string
	// ListenPeer and ListenClient are where the member listens for the others,
	// IP:port. Empty: DefaultListenPeer, with the port that Members gives this
	// member, and DefaultListenClient.
	ListenPeer, ListenClient string
	// Advertise is the host under which the others reach this member, where
	// Members does not say it. Empty: that of ListenPeer, or the address of
	// this machine on the way to the others.
	Advertise string
}

// Member is a member of a cluster and where the others reach it, host:port.
type Member struct{ Name, Address string }

// identity is what a member keeps of itself in its data directory.
type identity struct {
	Name         string `json:"name"`
	Secret       string `json:"secret"`
	ListenPeer   string `json:"listenPeer"`
	ListenClient string `json:"listenClient"`
	Peer         string `json:"peer"`   // where the other members reach it
	Client       string `json:"client"` // where those who join reach it
	// Formed is set once the cluster has answered this member. Its state must
	// be there from then on: it may have voted.
	Formed bool `json:"formed"`
}

// clusterDir is the folder of what makes a server a member.
func clusterDir(dataDir string) string { return filepath.Join(dataDir, "cluster") }

func identityFile(dataDir string) string { return filepath.Join(clusterDir(dataDir), "member.json") }

// loadIdentity reads what a data directory keeps; nil when it is no member's.
func loadIdentity(dataDir string) (*identity, error) {
	text, err := os.ReadFile(identityFile(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	id := &identity{}
	if err == nil {
		err = json.Unmarshal(text, id)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", identityFile(dataDir), err)
	}
	return id, nil
}

// IsMember tells whether a data directory is that of a member whose cluster has
// answered it: it needs to be told nothing more.
func IsMember(dataDir string) bool {
	id, err := loadIdentity(dataDir)
	return err == nil && id != nil && id.Formed
}

func (id identity) save(dataDir string) error {
	text, err := json.MarshalIndent(id, "", "  ") //nolint:gosec // the file is its owner's only, and is what the secret is kept in
	if err == nil {
		err = os.MkdirAll(clusterDir(dataDir), 0o700)
	}
	if err == nil {
		err = writeWhole(identityFile(dataDir), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("the data directory %s cannot keep which member of the cluster it is: %w", dataDir, err)
	}
	return nil
}

var memberForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// identify says who the member is: what the options say, or else the data
// directory, of which kept is what it says, nil if nothing, and hasState
// whether etcd has been started in it.
func (c Cluster) identify(ctx context.Context, kept *identity, hasState bool, token joinToken) (identity, error) {
	switch {
	case kept != nil && kept.Formed && !hasState:
		return identity{}, fmt.Errorf("this data directory was that of the member %s, but its state is gone: run `credence cluster remove %s` on another member, "+
			"and join again with a token and an empty data directory", kept.Name, kept.Name)
	case kept == nil && hasState && (len(c.Members) > 0 || c.Join != ""):
		return identity{}, errors.New("this data directory holds the state of a server that stood alone: it can become the first member of a cluster, " +
			"with --cluster and neither a list of members nor a token; the others then join it with empty data directories")
	case kept == nil || !kept.Formed && !hasState: // what an attempt that came to nothing has left counts for nothing
		kept = &identity{}
	}
	id := *kept
	id.Name = cmp.Or(c.Name, kept.Name, c.Fallback)
	if err := c.checkName(id.Name, kept.Name, hasState); err != nil {
		return identity{}, err
	}
	if err := id.agree(c.Secret, token.Secret, kept.Secret, len(c.Members) > 0); err != nil {
		return identity{}, err
	}
	return id, id.place(ctx, c, token)
}

func (c Cluster) checkName(name, kept string, hasState bool) error {
	switch {
	case !memberForm.MatchString(name):
		return fmt.Errorf("%.140q is no name of a member: give 1 to 128 letters, digits, dots, dashes or underscores", name)
	case kept != "" && name != kept:
		return fmt.Errorf("the member of this data directory is called %s, not %s: a member keeps its name", kept, name)
	case !hasState && len(c.Members) > 0 && c.own(name) == "":
		return fmt.Errorf("%s is none of the cluster's members in the list: give this member, as its name, one of them", name)
	}
	return nil
}

// own is the address that the list gives a member, if it does.
func (c Cluster) own(name string) string {
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return ""
	}
	return c.Members[i].Address
}

// agree takes the secret from where there is one, and makes one for the first
// member of a cluster.
func (id *identity) agree(given, token, kept string, listed bool) error {
	id.Secret = cmp.Or(given, token, kept)
	switch {
	case id.Secret == "" && listed:
		return errors.New("the members of a list need the same secret: make one with `openssl rand -base64 32` and give it to all of them")
	case id.Secret == "":
		id.Secret = rand.Text() + rand.Text()
	case token != "" && id.Secret != token:
		return errors.New("the secret of the join token is another than the one that is configured: leave that away")
	case kept != "" && id.Secret != kept:
		return errors.New("the secret is not that of this member's cluster: it was given at the first start and is kept in the data directory")
	}
	return nil
}

// place finds where the member listens, and where the others reach it.
func (id *identity) place(ctx context.Context, c Cluster, token joinToken) error {
	listed := c.own(id.Name)
	if listed == "" && c.Advertise == "" && (c.ListenPeer == "" || c.ListenPeer == id.ListenPeer) {
		listed = id.Peer // nothing has changed
	}
	port := portOf(cmp.Or(listed, DefaultListenPeer))
	id.ListenPeer = cmp.Or(c.ListenPeer, id.ListenPeer, net.JoinHostPort("0.0.0.0", port))
	id.ListenClient = cmp.Or(c.ListenClient, id.ListenClient, DefaultListenClient)
	for _, listen := range []string{id.ListenPeer, id.ListenClient} {
		if !isHostPort(listen) || net.ParseIP(hostOf(listen)) == nil {
			return fmt.Errorf("%q is no address to listen on for other members: give IP:port, such as %s", listen, DefaultListenPeer)
		}
	}
	host := cmp.Or(hostOf(listed), c.Advertise, hostOf(id.Peer), specific(hostOf(id.ListenPeer)))
	if host == "" {
		var err error
		if host, err = ownAddress(ctx, token.Addresses); err != nil {
			return err
		}
	}
	id.Peer = cmp.Or(listed, net.JoinHostPort(host, portOf(id.ListenPeer)))
	id.Client = net.JoinHostPort(host, portOf(id.ListenClient))
	if !isHostPort(id.Peer) || !isHostPort(id.Client) {
		return fmt.Errorf("%q is no host under which other members could reach this one: give a name or an IP address, without a port", host)
	}
	return nil
}

// ownAddress is the address of this machine on the way to the others. Nothing
// is sent.
func ownAddress(ctx context.Context, others []string) (string, error) {
	const anywhere = "192.0.2.1:9" // RFC 5737: nobody's
	conn, err := new(net.Dialer).DialContext(ctx, "udp", append(slices.Clone(others), anywhere)[0])
	if err == nil {
		defer conn.Close()
		if host := hostOf(conn.LocalAddr().String()); specific(host) != "" {
			return host, nil
		}
	}
	return "", errors.New("it cannot be found out under which address the other members reach this one: say it with cluster.advertise")
}

// specific is the host, unless it means all addresses of the machine.
func specific(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return ""
	}
	return host
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// isHostPort tells whether an address is host:port and can stand in a URL.
func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, " /@?#%,=\\") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
