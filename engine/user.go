package engine

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"golang.org/x/crypto/argon2"
)

// Role says what a user may do.
type Role string

// The roles that the bootstrap user holds.
const (
	RoleAdmin       Role = "KAA_ADMIN"    // the platform: services, modules, nodes
	RoleTenantAdmin Role = "TENANT_ADMIN" // applications and credentials of a tenant
)

// BootstrapUser is created at the first start.
const BootstrapUser UserName = "admin"

// User is a person who administers. The password is kept as an argon2id hash.
type User struct {
	Name      UserName  `cbor:"1,keyasint"`
	Tenant    TenantID  `cbor:"2,keyasint"`
	Roles     []Role    `cbor:"3,keyasint"`
	Salt      []byte    `cbor:"4,keyasint"`
	Hash      []byte    `cbor:"5,keyasint"`
	CreatedAt time.Time `cbor:"6,keyasint"`

	Version Revision `cbor:"-"`
}

// Has tells whether the user holds one of the roles.
func (u User) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(u.Roles, r) })
}

// Matches tells whether the password is the user's. It takes tens of
// milliseconds and 19 MiB of memory by design: callers bound how many run at
// once and remember what matched.
func (u User) Matches(password string) bool {
	return subtle.ConstantTimeCompare(hashPassword(password, u.Salt), u.Hash) == 1
}

// hashPassword uses the parameters that OWASP recommends for argon2id: 19 MiB,
// two passes, one lane.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
func hashPassword(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, 2, 19<<10, 1, 32)
}

// User returns a user by name, CodeNotFound when there is none.
func (e *Engine) User(ctx context.Context, name UserName) (User, error) {
	if name == "" || len(name) > maxNameBytes {
		return User{}, Errorf(CodeNotFound, "there is no such user")
	}
	snap, err := e.store.Read(ctx, Strict, userKey(name))
	if err != nil {
		return User{}, err
	}
	r := snap.Records[0]
	if !r.Exists() {
		return User{}, Errorf(CodeNotFound, "there is no such user")
	}
	u := User{Version: r.Version}
	return u, decode(r, &u)
}

// Bootstrap creates the user admin if there is none, with the given password
// or else a generated one, which it returns. It returns "" when the user was
// there already.
func (e *Engine) Bootstrap(ctx context.Context, password string) (generated string, err error) {
	given := password != ""
	if !given {
		password = newPassword()
	}
	created := false
	_, err = e.run(ctx, Caller{Tenant: DefaultTenant, User: "engine"}, Strict, func(tx *Tx) error {
		created = false
		r, err := tx.get(ctx, userKey(BootstrapUser))
		if err != nil || r.Exists() {
			return err
		}
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // never fails, see crypto/rand
		u := User{
			Name: BootstrapUser, Tenant: DefaultTenant, Roles: []Role{RoleAdmin, RoleTenantAdmin},
			Salt: salt, Hash: hashPassword(password, salt), CreatedAt: e.now(),
		}
		created = true
		tx.audit("user.create", "", string(u.Name))
		return tx.save(userKey(u.Name), u)
	})
	if err != nil || !created || given {
		return "", err
	}
	return password, nil
}

func newPassword() string {
	raw := make([]byte, 18)
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}
