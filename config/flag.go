package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/posflag"
	"github.com/spf13/pflag"
)

// fileFlag names the configuration file. It is no key itself.
const fileFlag = "config"

// flags lists the keys that have a flag, in the order of the help text. No
// secret has one: every user of a machine can read the command lines on it.
var flags = []struct{ name, key, help string }{
	{"listen", "listen", "`host:port` of the REST API; port 0 picks a free one"},
	{"data-dir", "dataDir", "`folder` of everything that survives a restart"},
	{"node-id", "node.id", "`name` of this node among others; without it the host's"},
	{"log-level", "log.level", "least severe `level` to log: debug, info, warn, error"},
	{"log-format", "log.format", "`form` of the log: text or json"},
	{"shutdown-timeout", "shutdownTimeout", "longest `time` of a graceful stop, with its unit"},
	{"tls-cert-file", "http.tls.certFile", "`file` with the certificate chain of the REST API, PEM"},
	{"tls-key-file", "http.tls.keyFile", "`file` with the private key of the REST API, PEM"},
	{"etcd-endpoints", "etcd.endpoints", "`a,b,c`: members of an external etcd cluster; without them an embedded one is used"},
	{"etcd-prefix", "etcd.prefix", "`prefix` of all keys in etcd, with a slash at both ends"},
	{"etcd-dial-timeout", "etcd.dialTimeout", "longest `time` of the first connection to etcd, with its unit"},
	{"etcd-username", "etcd.username", "`user` at the external cluster; the password comes from " + envName("etcd.password") + " or the file"},
	{"etcd-ca-file", "etcd.tls.caFile", "`file` with the authorities that sign the cluster's certificates, PEM"},
	{"etcd-cert-file", "etcd.tls.certFile", "`file` with the client certificate for etcd, PEM"},
	{"etcd-key-file", "etcd.tls.keyFile", "`file` with the private key of the client certificate, PEM"},
	{"etcd-server-name", "etcd.tls.serverName", "`name` expected in the cluster's certificates"},
	{"cluster", "cluster.enabled", "form an etcd cluster with other servers, instead of standing alone"},
	{"cluster-name", "cluster.name", "`name` of this member; without it that of --node-id, or the host's"},
	{"cluster-members", "cluster.members", "`a=host:port,b=host:port,c=host:port`: all members of a new cluster, the same list for each of them"},
	{"join", "cluster.join", "`@file` with the token that 'credence cluster token' printed on a member; or set " + envName("cluster.join") + " to the token"},
	{"cluster-listen-peer", "cluster.listenPeer", "`IP:port` for the other members; without it port 7380, or that of --cluster-members"},
	{"cluster-listen-client", "cluster.listenClient", "`IP:port` for those who join; without it port 7379"},
	{"cluster-advertise", "cluster.advertise", "`host` under which the others reach this one; without it that of --cluster-members, or this machine's address"},
}

// BindFlags defines the configuration flags of `credence serve` in fs, with
// their help texts. Give the same set to Load after it was parsed.
func BindFlags(fs *pflag.FlagSet) { bind(fs, func(string) bool { return true }) }

// BindStateFlags defines those of them that say where the state is.
func BindStateFlags(fs *pflag.FlagSet) {
	bind(fs, func(key string) bool { return key == "dataDir" || strings.HasPrefix(key, "etcd.") })
}

func bind(fs *pflag.FlagSet, wanted func(key string) bool) {
	fs.String(fileFlag, "", "configuration `file`, YAML or TOML")
	values := flatDefaults()
	for _, f := range flags {
		if !wanted(f.key) {
			continue
		}
		if list, ok := values[f.key].([]string); ok {
			fs.StringSlice(f.name, list, f.help)
			continue
		}
		if on, ok := values[f.key].(bool); ok {
			fs.Bool(f.name, on, f.help)
			continue
		}
		fs.String(f.name, fmt.Sprint(values[f.key]), f.help)
	}
}

// fromFlags reads the flags that were given. Flags of others in the same set
// are left alone.
func fromFlags(fs *pflag.FlagSet) ([]entry, error) {
	if fs == nil {
		return nil, nil
	}
	keys := map[string]string{}
	for _, f := range flags {
		keys[f.name] = f.key
	}
	given, err := posflag.ProviderWithFlag(fs, "", nil, func(f *pflag.Flag) (string, any) {
		if _, ours := keys[f.Name]; !ours {
			return "", nil
		}
		return f.Name, posflag.FlagVal(fs, f)
	}).Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read the flags: %w", err)
	}
	entries := make([]entry, 0, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		entries = append(entries, entry{key: keys[name], source: "flag --" + name, raw: given[name]})
	}
	return entries, nil
}

// fileFrom is the path that the flag names, if there is one.
func fileFrom(fs *pflag.FlagSet) string {
	if fs == nil {
		return ""
	}
	f := fs.Lookup(fileFlag)
	if f == nil {
		return ""
	}
	return f.Value.String()
}

// flatDefaults gives the default of each leaf key.
func flatDefaults() map[string]any {
	flat := map[string]any{}
	c := defaults()
	flatten(flat, "", reflect.ValueOf(c))
	return flat
}

func flatten(into map[string]any, prefix string, v reflect.Value) {
	for field, value := range v.Fields() {
		key := prefix + strings.Split(field.Tag.Get("yaml"), ",")[0]
		if value.Kind() == reflect.Struct {
			flatten(into, key+separator, value)
			continue
		}
		into[key] = value.Interface()
	}
}
