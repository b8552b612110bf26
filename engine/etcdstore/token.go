package etcdstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// tokenPrefix tells what a token is, and in which form.
const tokenPrefix = "credence-join-1-"

const tokenSumBytes = 4

// joinToken is what a further member must know: the secret of the cluster, and
// where its members take in others.
type joinToken struct {
	Secret    string   `json:"secret"`
	Addresses []string `json:"addresses"` // host:port
}

var errToken = errors.New("the join token is damaged or incomplete: `credence cluster token`, run where a member runs, prints one")

// text writes a token in characters that no shell touches. The sum tells a
// token that was not copied whole.
func (t joinToken) text() string {
	content, err := json.Marshal(t) //nolint:gosec // to hold the secret is what a token is for
	if err != nil {
		panic(err) // texts only
	}
	sum := sha256.Sum256(content)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(sum[:tokenSumBytes], content...))
}

// parseToken reads what text wrote. Its errors show nothing of the token.
func parseToken(text string) (joinToken, error) {
	encoded, ours := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ours || err != nil || len(raw) < tokenSumBytes {
		return joinToken{}, errToken
	}
	content := raw[tokenSumBytes:]
	if sum := sha256.Sum256(content); !bytes.Equal(sum[:tokenSumBytes], raw[:tokenSumBytes]) {
		return joinToken{}, errToken
	}
	var t joinToken
	if err := json.Unmarshal(content, &t); err != nil || len(t.Secret) < MinSecretBytes || len(t.Addresses) == 0 {
		return joinToken{}, errToken
	}
	if slices.ContainsFunc(t.Addresses, func(a string) bool { return !isHostPort(a) }) {
		return joinToken{}, errToken
	}
	return t, nil
}
