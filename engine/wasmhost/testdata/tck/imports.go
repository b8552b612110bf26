package main

import "unsafe"

type ptr = unsafe.Pointer

//go:wasmimport cred_v1 input_read
func abiInputRead(dst ptr, size, off uint32) int32

//go:wasmimport cred_v1 output_write
func abiOutputWrite(src ptr, size uint32) int32

//go:wasmimport cred_v1 error_write
func abiErrorWrite(src ptr, size uint32) int32

//go:wasmimport cred_v1 log_write
func abiLogWrite(level int32, src ptr, size uint32) int32

//go:wasmimport cred_v1 log_enabled
func abiLogEnabled(level int32) int32

//go:wasmimport cred_v1 config_read
func abiConfigRead(key ptr, klen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 deadline_ms
func abiDeadlineMs() int32

//go:wasmimport cred_v1 kv_get
func abiKvGet(key ptr, klen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 kv_put
func abiKvPut(key ptr, klen uint32, val ptr, vlen uint32) int32

//go:wasmimport cred_v1 kv_delete
func abiKvDelete(key ptr, klen uint32) int32

//go:wasmimport cred_v1 kv_scan
func abiKvScan(prefix ptr, plen uint32, after ptr, alen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 clock_now
func abiClockNow() int64

//go:wasmimport cred_v1 random_fill
func abiRandomFill(dst ptr, size uint32) int32

//go:wasmimport cred_v1 http_call
func abiHTTPCall(req ptr, size uint32) int32

//go:wasmimport cred_v1 result_read
func abiResultRead(handle int32, dst ptr, size, off uint32) int32

//go:wasmimport cred_v1 secret_hmac
func abiSecretHmac(name ptr, nlen uint32, alg int32, data ptr, dlen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 secret_sign
func abiSecretSign(name ptr, nlen uint32, alg int32, data ptr, dlen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 crypto_hash
func abiCryptoHash(alg int32, src ptr, size uint32, dst ptr, room uint32) int32

//go:wasmimport cred_v1 crypto_hmac
func abiCryptoHmac(alg int32, key ptr, klen uint32, data ptr, dlen uint32, dst ptr, size uint32) int32

//go:wasmimport cred_v1 crypto_verify
func abiCryptoVerify(alg int32, key ptr, klen uint32, data ptr, dlen uint32, sig ptr, slen uint32) int32

// at is where bytes or a text begin, and how long they are.
func at[T string | []byte](b T) (ptr, uint32) {
	switch b := any(b).(type) {
	case string:
		return ptr(unsafe.StringData(b)), uint32(len(b))
	case []byte:
		return ptr(unsafe.SliceData(b)), uint32(len(b))
	}
	return nil, 0
}

func input(length uint32) []byte {
	b := make([]byte, length)
	p, n := at(b)
	return b[:abiInputRead(p, n, 0)]
}

func write(b []byte) int32 {
	p, n := at(b)
	return abiOutputWrite(p, n)
}

func fail(text string) { errorWriteRaw(text) }

func errorWriteRaw(text string) int32 {
	p, n := at(text)
	return abiErrorWrite(p, n)
}

func logLine(text string) { logWriteRaw(1, text) }

func logWriteRaw(level int32, text string) int32 {
	p, n := at(text)
	return abiLogWrite(level, p, n)
}

func configReadRaw(pointer string, dst []byte) int32 {
	p, n := at(pointer)
	d, size := at(dst)
	return abiConfigRead(p, n, d, size)
}

func kvGetRaw(key string, dst []byte) int32 {
	k, kn := at(key)
	d, size := at(dst)
	return abiKvGet(k, kn, d, size)
}

func kvPutRaw(key, value string) int32 {
	k, kn := at(key)
	v, vn := at(value)
	return abiKvPut(k, kn, v, vn)
}

func kvDeleteRaw(key string) int32 {
	k, kn := at(key)
	return abiKvDelete(k, kn)
}

func kvScanRaw(prefix, after string, dst []byte) int32 {
	p, pn := at(prefix)
	a, an := at(after)
	d, size := at(dst)
	return abiKvScan(p, pn, a, an, d, size)
}

func randomRaw(dst []byte) int32 {
	d, size := at(dst)
	return abiRandomFill(d, size)
}

func httpCallRaw(request []byte) int32 {
	p, n := at(request)
	return abiHTTPCall(p, n)
}

func resultReadRaw(handle int32, dst []byte, off uint32) int32 {
	d, size := at(dst)
	return abiResultRead(handle, d, size, off)
}

func secretHmacRaw(name string, alg int32, data string, dst []byte) int32 {
	s, sn := at(name)
	p, n := at(data)
	d, size := at(dst)
	return abiSecretHmac(s, sn, alg, p, n, d, size)
}

func secretSignRaw(name string, alg int32, data string, dst []byte) int32 {
	s, sn := at(name)
	p, n := at(data)
	d, size := at(dst)
	return abiSecretSign(s, sn, alg, p, n, d, size)
}

func hashRaw(alg int32, data string, dst []byte) int32 {
	p, n := at(data)
	d, size := at(dst)
	return abiCryptoHash(alg, p, n, d, size)
}

func hmacRaw(alg int32, key, data string, dst []byte) int32 {
	k, kn := at(key)
	p, n := at(data)
	d, size := at(dst)
	return abiCryptoHmac(alg, k, kn, p, n, d, size)
}

func verifyRaw(alg int32, key, data, signature string) int32 {
	k, kn := at(key)
	p, n := at(data)
	s, sn := at(signature)
	return abiCryptoVerify(alg, k, kn, p, n, s, sn)
}
