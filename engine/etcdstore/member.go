package etcdstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// Times of members, etcd's defaults: a leader is missed after one to two
// elections, far longer than a network needs for a heartbeat.
const (
	memberTickMillis     = 100
	memberElectionMillis = 1000
)

// retryEvery is the pause between tries to change which members there are, and
// sayEvery how often the log says what a start waits for.
const (
	retryEvery = 250 * time.Millisecond
	sayEvery   = 10 * time.Second
	// changeTimeout bounds one such try.
	changeTimeout = 5 * time.Second
)

// member is what an embedded server has beyond one that stands alone.
type member struct {
	identity
	authority *authority
	files     transport.TLSInfo
	dataDir   string
	log       *slog.Logger
	initial   []Member // the members that etcd begins with; unused once it has state
	joins     bool     // the cluster is there already
}

// newMember finds out who the member is, and has its certificates at hand.
func newMember(ctx context.Context, o Options, hasState bool) (*member, error) {
	kept, err := loadIdentity(o.DataDir)
	if err != nil {
		return nil, err
	}
	var token joinToken
	if o.Cluster.Join != "" && !hasState {
		if token, err = parseToken(o.Cluster.Join); err != nil {
			return nil, err
		}
	}
	m := &member{dataDir: o.DataDir, log: o.Logger}
	if m.identity, err = o.Cluster.identify(ctx, kept, hasState, token); err != nil {
		return nil, err
	}
	if m.authority, err = newAuthority(m.Secret); err != nil {
		return nil, err
	}
	if err := m.save(o.DataDir); err != nil {
		return nil, err
	}
	if m.files, err = m.authority.files(clusterDir(o.DataDir), m.Name); err != nil {
		return nil, err
	}
	m.initial = o.Cluster.Members
	if len(m.initial) == 0 {
		m.initial = []Member{{m.Name, m.Peer}}
	}
	return m, nil
}

func (m *member) peerURL() string { return "https://" + m.Peer }

// configure makes etcd the member.
func (m *member) configure(config *embed.Config) {
	config.Name = m.Name
	config.ListenPeerUrls = []url.URL{{Scheme: "https", Host: m.ListenPeer}}
	config.AdvertisePeerUrls = []url.URL{{Scheme: "https", Host: m.Peer}}
	config.ListenClientUrls = append(config.ListenClientUrls, url.URL{Scheme: "https", Host: m.ListenClient})
	config.AdvertiseClientUrls = []url.URL{{Scheme: "https", Host: m.Client}}
	config.PeerTLSInfo, config.ClientTLSInfo = m.files, m.files
	config.TlsMinVersion = "TLS1.3"
	config.InitialClusterToken = m.authority.clusterToken()
	pairs := make([]string, len(m.initial))
	for i, other := range m.initial {
		pairs[i] = other.Name + "=https://" + other.Address
	}
	config.InitialCluster = strings.Join(pairs, ",")
	if m.joins {
		config.ClusterState = embed.ClusterStateFlagExisting
	}
	config.TickMs, config.ElectionMs = memberTickMillis, memberElectionMillis
}

// joinCluster has the members that the token names take this one in, as one
// that does not vote yet.
func (m *member) joinCluster(ctx context.Context, o Options) error {
	token, err := parseToken(o.Cluster.Join)
	if err != nil {
		return err
	}
	others := Options{Endpoints: make([]string, len(token.Addresses)), DialTimeout: o.DialTimeout}
	for i, address := range token.Addresses {
		others.Endpoints[i] = "https://" + address
	}
	if others.TLS, err = m.authority.client(m.Name); err != nil {
		return err
	}
	client, err := connect(ctx, others)
	if err != nil {
		return fmt.Errorf("no member of the cluster can be reached with this join token: see that one runs, and that this machine may reach its ports: %w", err)
	}
	defer func() { _ = closeClient(client) }()
	members, err := m.beTakenIn(ctx, client)
	if err != nil {
		return err
	}
	m.joins, m.initial = true, nil
	for _, other := range members {
		name := cmp.Or(other.Name, fmt.Sprintf("%x", other.ID))
		if slices.Equal(other.PeerURLs, []string{m.peerURL()}) {
			name = m.Name
		}
		for _, u := range other.PeerURLs {
			m.initial = append(m.initial, Member{name, strings.TrimPrefix(u, "https://")})
		}
	}
	return nil
}

// beTakenIn returns the members once this one is among them. A try of which
// the outcome is unknown is looked for in the next list.
func (m *member) beTakenIn(ctx context.Context, client *clientv3.Client) (members []*etcdserverpb.Member, err error) {
	err = m.insist(ctx, "waiting to be taken into the cluster", func(ctx context.Context) error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		members = list.Members
		for _, other := range members {
			if slices.Contains(other.PeerURLs, m.peerURL()) && other.Name == "" {
				return nil // it was taken in and has never run
			}
			if other.Name == m.Name || slices.Contains(other.PeerURLs, m.peerURL()) {
				return fmt.Errorf("%w %s at %s: if its data is lost, run `credence cluster remove %s` on another member first; else give this one another cluster.name and address",
					errTaken, other.Name, strings.Join(other.PeerURLs, ","), other.Name)
			}
		}
		added, err := client.MemberAddAsLearner(ctx, []string{m.peerURL()})
		if err == nil {
			members = added.Members
		}
		return err
	})
	return members, err
}

var errTaken = errors.New("the cluster has already a member")

// settle makes the member one that votes, under the address that it has now,
// and keeps that it is one. It waits for the cluster as long as ctx allows.
func (m *member) settle(ctx context.Context, id uint64, client *clientv3.Client) error {
	err := m.insist(ctx, "waiting to catch up with the cluster", func(ctx context.Context) error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list.Members, func(other *etcdserverpb.Member) bool { return other.ID == id })
		if at < 0 {
			return errRemoved
		}
		if self := list.Members[at]; !slices.Equal(self.PeerURLs, []string{m.peerURL()}) {
			_, err = client.MemberUpdate(ctx, id, []string{m.peerURL()})
		}
		if err == nil && list.Members[at].IsLearner {
			_, err = client.MemberPromote(ctx, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	m.Formed = true
	return m.save(m.dataDir)
}

// insist tries a change of the members until it succeeds, is refused, or ctx
// ends. From time to time the log says what it waits for, and why.
func (m *member) insist(ctx context.Context, what string, try func(context.Context) error) error {
	pause := time.NewTicker(retryEvery)
	defer pause.Stop()
	said := time.Now()
	for {
		err := bounded(ctx, try)
		if err == nil || !unsettled(err) {
			return err
		}
		if time.Since(said) > sayEvery {
			said = time.Now()
			m.log.Warn(what, "member", m.Name, "cause", rpctypes.Error(err)) //nolint:sloglint // one of two texts
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, errors.Join(context.Cause(ctx), err))
		}
	}
}

// bounded gives one try its time: what was passed on to a leader that has gone
// is never answered.
func bounded(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return try(ctx)
}

// unsettled tells whether a change of the members that was refused may be granted
// in a moment: etcd makes one change at a time, and none while a member is not
// well or has been back for less than five seconds.
func unsettled(err error) bool {
	err = rpctypes.Error(err)
	return passing(err) || slices.ContainsFunc(forAWhile, func(refusal error) bool { return errors.Is(err, refusal) })
}

// forAWhile are the refusals that pass. That an address is there already is
// the work of a try of unknown outcome, which the next list shows. A member is
// not found when a new leader is behind the list, and when one of the same
// address was added and removed within this second, of which etcd makes ids.
var forAWhile = []error{
	rpctypes.ErrUnhealthy, rpctypes.ErrMemberNotEnoughStarted, rpctypes.ErrTooManyLearners,
	rpctypes.ErrMemberLearnerNotReady, rpctypes.ErrNotLeader, rpctypes.ErrPeerURLExist, rpctypes.ErrMemberNotFound,
}
