package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
)

// tell is the main job, from the first application to a refused endpoint.
func (t *teller) tell(ctx context.Context, dir, module string) error {
	key, id, err := newDeviceKey(dir)
	if err != nil {
		return err
	}
	wasm, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(wasm)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	batch := filepath.Join(dir, "batch.json")
	if err := os.WriteFile(batch, []byte(`{"quota": 2}`), 0o600); err != nil {
		return err
	}
	const accepted, refused = 0, 1
	for _, step := range []struct {
		say  string
		code int
		args []string
	}{
		{"1. An application whose endpoints must be provisioned before they connect", 0, words("app create plant --service Internal")},
		{"2. A device with a fresh key pair connects: nobody has provisioned it", refused, words("verify --app plant " + id)},
		{"3. An administrator registers its public key, once", 0, append(words("credentials provision --app plant --label site=berlin --key-file"), key)},
		{"   Now it may connect, and the credentials belong to it", accepted, append(words("verify --app plant "+id+" --public-key-file"), key)},
		{"   Another endpoint that presents the same credentials is refused", refused, words("verify --app plant " + id + " --endpoint thief")},
		{"4. A credentials service of our own: a WebAssembly module, deployed while the server runs", 0, words("module upload " + module)},
		{"", 0, words("service deploy allowlist --module " + digest)},
		{"", 0, words("service list")},
		{"   An application that uses it; a batch of serial numbers may connect, two of them", 0, words("app create line-7 --service allowlist")},
		{"", 0, append(words("credentials provision --app line-7 --id range:SN-001000..SN-001999 --body-file"), batch)},
		{"   The module decides: two first connections, then the quota is used up", accepted, words("verify --app line-7 SN-001001")},
		{"", accepted, words("verify --app line-7 SN-001002")},
		{"", refused, words("verify --app line-7 SN-001003")},
		{"   and a serial number outside every range is unknown", refused, words("verify --app line-7 SN-777777")},
		{"5. The first device is stolen: revoke it", 0, words("credentials revoke --app plant " + id)},
		{"   From this moment on it is refused, on every node", refused, words("verify --app plant " + id)},
		{"   The engine's own denial outranks every module", 0, words("credentials revoke --app line-7 SN-001001")},
		{"", refused, words("verify --app line-7 SN-001001")},
	} {
		if step.say != "" {
			t.sayf("%s", step.say)
		}
		if err := t.show(ctx, step.code, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// newDeviceKey makes a key pair, writes its public half as PEM, and returns the
// file and the credentials id: the hash of the key in DER form. An id that
// begins with a dash would need "--" before it on a command line.
func newDeviceKey(dir string) (file, id string, err error) {
	for id == "" || id[0] == '-' {
		if file, id, err = tryDeviceKey(dir); err != nil {
			return "", "", err
		}
	}
	return file, id, nil
}

func tryDeviceKey(dir string) (file, id string, err error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", "", err
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
		return "", "", err
	}
	file = filepath.Join(dir, "device.pub.pem")
	sum := sha256.Sum256(der)
	return file, base64.RawURLEncoding.EncodeToString(sum[:]), os.WriteFile(file, text.Bytes(), 0o600)
}

func words(s string) []string { return strings.Fields(s) }

// shellWords joins arguments as one would type them.
func shellWords(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if strings.ContainsAny(a, " \"'{}*?$") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
