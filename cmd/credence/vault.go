package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
)

// secretKeyFile is the key of a node with an embedded etcd, in its data
// directory.
const secretKeyFile = "secret.key"

// vaultKeyBytes is the size of a key for secrets.
const vaultKeyBytes = 32

// openVault reads the keys that encrypt secrets, or makes one where this node
// is alone. Nodes on an external etcd without keys have a vault that refuses
// secrets. The members of a cluster have one in common, which follows from the
// cluster's secret; shared gives it.
func openVault(c config.Config, store engine.Store, shared func(purpose string, size int) []byte) (*engine.Vault, error) {
	text, source := []byte(c.Secrets.Key), "secrets.key"
	var err error
	switch {
	case c.Secrets.KeyFile != "":
		source = c.Secrets.KeyFile
		text, err = os.ReadFile(source)
	case c.Secrets.Key == "" && c.Cluster.Enabled:
		source = filepath.Join(c.DataDir, secretKeyFile)
		text, err = memberKeys(shared, source)
	case c.Secrets.Key == "" && !c.Etcd.External():
		source = filepath.Join(c.DataDir, secretKeyFile)
		text, err = ownKey(source)
	case c.Secrets.Key == "":
		return engine.NewVault(store, nil), nil
	}
	if err != nil {
		return nil, fmt.Errorf("the key for secrets cannot be used: %w", err)
	}
	keys, err := engine.ParseVaultKeys(text)
	if err != nil {
		return nil, fmt.Errorf("the key for secrets in %s cannot be used: %w", source, err)
	}
	return engine.NewVault(store, keys), nil
}

// memberKeys are the key that the members of a cluster have in common and,
// where a member stood alone before, the one that it then made: what that one
// encrypted is encrypted anew at the start.
func memberKeys(shared func(purpose string, size int) []byte, own string) ([]byte, error) {
	text := base64.StdEncoding.AppendEncode(nil, shared("secrets of modules", vaultKeyBytes))
	before, err := os.ReadFile(own)
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil
	}
	return append(append(text, '\n'), before...), err
}

// ownKey reads the key of this node, and makes it at the first start.
func ownKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	raw := make([]byte, vaultKeyBytes)
	_, _ = rand.Read(raw) // never fails
	text = append(base64.StdEncoding.AppendEncode(nil, raw), '\n')
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), secretKeyFile+"-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path) // whole or not at all
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(file.Name()))
	}
	return text, nil
}
