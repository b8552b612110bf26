package etcdstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// statusTimeout bounds the question to a member whether it is well.
const statusTimeout = 5 * time.Second

// removeTimeout bounds the removal of a member.
const removeTimeout = 30 * time.Second

// Membership administers the members of the cluster to which a data directory
// belongs, through the server that runs in it.
type Membership struct {
	identity identity
	client   *clientv3.Client
}

// MemberStatus says of a member of the cluster how it is.
type MemberStatus struct {
	Name      string // "" for one that was taken in and has never run
	Address   string // where the other members reach it, host:port
	Client    string // where those who join reach it, "" like Name
	Leader    bool
	Voter     bool // false: it catches up, and does not count yet
	Reachable bool

	id uint64
}

// OpenMembership reads a data directory and connects to the server that runs
// in it. Close ends the connection.
func OpenMembership(ctx context.Context, dataDir string) (*Membership, error) {
	id, authority, err := identityOf(dataDir)
	if err != nil {
		return nil, err
	}
	tls, err := authority.client(id.Name)
	if err != nil {
		return nil, err
	}
	here := net.JoinHostPort(cmp.Or(specific(hostOf(id.ListenClient)), "127.0.0.1"), portOf(id.ListenClient))
	client, err := tryConnecting(ctx, Options{Endpoints: []string{"https://" + here}, DialTimeout: DefaultDialTimeout, TLS: tls})
	if err != nil {
		return nil, fmt.Errorf("the server of the data directory %s does not answer: start it, or run this where another member runs: %w", dataDir, err)
	}
	return &Membership{identity: *id, client: client}, nil
}

func identityOf(dataDir string) (*identity, *authority, error) {
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, nil, err
	}
	id, err := loadIdentity(dataDir)
	if err == nil && id == nil {
		err = fmt.Errorf("the data directory %s is not that of a member of a cluster: name another with --data-dir, or start one with `credence serve --cluster`", dataDir)
	}
	if err != nil {
		return nil, nil, err
	}
	authority, err := newAuthority(id.Secret)
	return id, authority, err
}

// Close ends the connection.
func (m *Membership) Close() error { return closeClient(m.client) }

// JoinToken is what a further member needs to join the cluster to which a data
// directory belongs. It names all members if the server runs, else this one.
// Whoever has it can become a member, and read and write everything.
func JoinToken(ctx context.Context, dataDir string) (string, error) {
	id, _, err := identityOf(dataDir)
	if err != nil {
		return "", err
	}
	token := joinToken{Secret: id.Secret, Addresses: []string{id.Client}}
	if m, err := OpenMembership(ctx, dataDir); err == nil { // the token is good without the others
		defer func() { _ = m.Close() }()
		token.add(m.Members(ctx))
	}
	return token.text(), nil
}

// add names further members, if they could be listed.
func (t *joinToken) add(members []MemberStatus, _ error) {
	for _, other := range members {
		if other.Client != "" && !slices.Contains(t.Addresses, other.Client) {
			t.Addresses = append(t.Addresses, other.Client)
		}
	}
}

// Members lists the members by name, and asks each whether it is well. Without
// a leader the list is what the member of the data directory knows.
func (m *Membership) Members(ctx context.Context) ([]MemberStatus, error) {
	list, err := m.client.MemberList(ctx, clientv3.WithSerializable())
	if err != nil {
		return nil, fmt.Errorf("the members cannot be listed: %w", rpctypes.Error(err))
	}
	members := make([]MemberStatus, len(list.Members))
	var asked sync.WaitGroup
	for i, other := range list.Members {
		members[i] = MemberStatus{id: other.ID, Name: other.Name, Address: withoutScheme(other.PeerURLs), Client: withoutScheme(other.ClientURLs), Voter: !other.IsLearner}
		asked.Go(func() { m.ask(ctx, other, &members[i]) })
	}
	asked.Wait()
	slices.SortFunc(members, func(a, b MemberStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	return members, nil
}

// ask notes how a member is.
func (m *Membership) ask(ctx context.Context, other *etcdserverpb.Member, status *MemberStatus) {
	if len(other.ClientURLs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	answer, err := m.client.Status(ctx, other.ClientURLs[0])
	if err != nil {
		return
	}
	status.Reachable = true
	status.Leader = answer.Leader == other.ID
}

func withoutScheme(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	return strings.TrimPrefix(urls[0], "https://")
}

// Remove takes a member out of the cluster, for good: a node that is to come
// back joins anew, with an empty data directory. One that has never run is
// named by its address. It refuses when fewer than a majority of those that
// remain can be reached.
func (m *Membership) Remove(ctx context.Context, name string) error {
	members, err := m.Members(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(members, func(s MemberStatus) bool { return s.Name == name || s.Name == "" && s.Address == name })
	if at < 0 {
		return fmt.Errorf("the cluster has no member %q: it has %s", name, strings.Join(namesOf(members), ", "))
	}
	if err := mayRemove(members, at); err != nil {
		return err
	}
	switch err = m.remove(ctx, members[at].id); {
	case errors.Is(err, rpctypes.ErrUnhealthy), errors.Is(err, rpctypes.ErrMemberNotEnoughStarted):
		return fmt.Errorf("the cluster does not let %s go, because a majority of the others has not been up for five seconds: see to them, then try again", name)
	case err != nil:
		return fmt.Errorf("%s may or may not have been removed, `credence cluster members` tells: %w", name, err)
	}
	return nil
}

// remove waits for members that have just come back, on which etcd counts only
// after five seconds, and for a new leader. A member that is not there any more
// was removed, be it by a try of unknown outcome.
func (m *Membership) remove(ctx context.Context, id uint64) error {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	for {
		err := bounded(ctx, func(ctx context.Context) error {
			_, err := m.client.MemberRemove(ctx, id)
			return rpctypes.Error(err)
		})
		switch {
		case errors.Is(err, rpctypes.ErrMemberNotFound):
			return nil
		case err == nil || !unsettled(err):
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// mayRemove refuses what would leave the cluster without a majority.
func mayRemove(members []MemberStatus, at int) error {
	if !members[at].Voter {
		return nil
	}
	voters, well, missing := 0, 0, []string{}
	for i, s := range members {
		switch {
		case i == at || !s.Voter:
			continue
		case s.Reachable:
			well++
		default:
			missing = append(missing, cmp.Or(s.Name, s.Address))
		}
		voters++
	}
	switch {
	case voters == 0:
		return errors.New("this is the last member: without it there is no cluster")
	case well <= voters/2:
		return fmt.Errorf("without %s a majority of the members would be missing: of the other %d only %d can be reached. "+
			"Nothing could be read or written any more. Bring %s back first",
			cmp.Or(members[at].Name, members[at].Address), voters, well, strings.Join(missing, ", "))
	}
	return nil
}

func namesOf(members []MemberStatus) []string {
	names := make([]string, len(members))
	for i, s := range members {
		names[i] = cmp.Or(s.Name, s.Address)
	}
	return names
}
