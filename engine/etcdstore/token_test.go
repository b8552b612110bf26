package etcdstore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const testSecret = "a secret of the tests, and of nothing else"

func TestATokenSaysWhatItWasMadeOf(t *testing.T) {
	want := joinToken{Secret: testSecret, Addresses: []string{"10.0.0.1:7379", "host-b:7379", "[::1]:7379"}}
	got, err := parseToken("\n" + want.text() + "\n")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestADamagedTokenIsRefusedAndNotShown(t *testing.T) {
	good := joinToken{Secret: testSecret, Addresses: []string{"a:1"}}
	whole := good.text()
	other := []byte(whole)
	other[len(other)/2] ^= 1
	for name, text := range map[string]string{
		"empty": "", "cut": whole[:len(whole)-1], "a letter changed": string(other), "something else": testSecret,
		"of another form":  strings.Replace(whole, "-1-", "-2-", 1),
		"without a secret": joinToken{Addresses: good.Addresses}.text(), "without addresses": joinToken{Secret: testSecret}.text(),
		"with an address that is none": joinToken{Secret: testSecret, Addresses: []string{"https://a:1/"}}.text(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseToken(text)
			require.ErrorContains(t, err, "the join token is damaged or incomplete")
			require.NotContains(t, err.Error(), testSecret)
		})
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(joinToken{Secret: testSecret, Addresses: []string{"a:1", "[::1]:2"}}.text())
	f.Add(tokenPrefix + "AAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := parseToken(text)
		if err != nil {
			require.Zero(t, token)
			return
		}
		again, err := parseToken(token.text())
		require.NoError(t, err)
		require.Equal(t, token, again)
	})
}
