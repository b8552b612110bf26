package wasmhost

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // for protocols that cannot be changed
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

var hashes = [...]func() hash.Hash{
	wasmabi.HashSHA256: sha256.New, wasmabi.HashSHA384: sha512.New384, wasmabi.HashSHA512: sha512.New, wasmabi.HashSHA1: sha1.New,
}

func hashOf(arg uint64) wasmabi.Hash           { return wasmabi.Hash(int32(uint32(arg))) }
func signatureOf(arg uint64) wasmabi.Signature { return wasmabi.Signature(int32(uint32(arg))) }

// chargeCrypto counts bytes that are about to be worked on, and looks at the
// time.
func (c *call) chargeCrypto(n int) wasmabi.Errno {
	c.checkTime()
	if !charge(&c.spent.cryptoBytes, n, c.limits.CryptoBytes) {
		return wasmabi.EDQUOT
	}
	return 0
}

func cryptoHash(c *call, m api.Memory, args []uint64) int64 {
	data, into := c.view(m, args[1], args[2]), c.view(m, args[3], args[4])
	h := hashOf(args[0])
	if h.Size() == 0 {
		return result(wasmabi.EINVAL)
	}
	if errno := c.chargeCrypto(len(data)); errno != 0 {
		return result(errno)
	}
	if h == wasmabi.HashSHA256 { // as most are, without an allocation
		sum := sha256.Sum256(data)
		return fill(into, sum[:])
	}
	digest := hashes[h]()
	_, _ = digest.Write(data) // never fails
	return fill(into, digest.Sum(nil))
}

func cryptoHmac(c *call, m api.Memory, args []uint64) int64 {
	key, data, into := c.view(m, args[1], args[2]), c.view(m, args[3], args[4]), c.view(m, args[5], args[6])
	h := hashOf(args[0])
	if h.Size() == 0 {
		return result(wasmabi.EINVAL)
	}
	if errno := c.chargeCrypto(len(key) + len(data)); errno != 0 {
		return result(errno)
	}
	return fill(into, sumHMAC(h, key, data))
}

func sumHMAC(h wasmabi.Hash, key, data []byte) []byte {
	mac := hmac.New(hashes[h], key)
	_, _ = mac.Write(data) // never fails
	return mac.Sum(nil)
}

func cryptoVerify(c *call, m api.Memory, args []uint64) int64 {
	key, data, signature := c.view(m, args[1], args[2]), c.view(m, args[3], args[4]), c.view(m, args[5], args[6])
	if errno := c.chargeCrypto(len(key) + len(data)); errno != 0 {
		return result(errno)
	}
	alg := signatureOf(args[0])
	if h, ok := alg.HMAC(); ok {
		return truth(hmac.Equal(sumHMAC(h, key, data), signature))
	}
	holds, ok := verify(alg, key, data, signature)
	if !ok {
		return result(wasmabi.EINVAL)
	}
	return truth(holds)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
