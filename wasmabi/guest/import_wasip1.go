//go:build wasip1

package guest

import (
	"unsafe"

	"github.com/credence-engine/credence/wasmabi"
)

//go:wasmimport cred_v1 input_read
func inputRead(dst unsafe.Pointer, capacity, offset uint32) int32

//go:wasmimport cred_v1 output_write
func outputWrite(src unsafe.Pointer, length uint32) int32

//go:wasmimport cred_v1 error_write
func errorWrite(text string) int32

//go:wasmimport cred_v1 log_write
func logWrite(level int32, text string) int32

//go:wasmimport cred_v1 log_enabled
func logEnabled(level int32) int32

//go:wasmimport cred_v1 config_read
func configRead(key string, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 deadline_ms
func deadlineMs() int32

//go:wasmimport cred_v1 kv_get
func kvGet(key string, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 kv_put
func kvPut(key string, value unsafe.Pointer, length uint32) int32

//go:wasmimport cred_v1 kv_delete
func kvDelete(key string) int32

//go:wasmimport cred_v1 kv_scan
func kvScan(prefix, after string, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 clock_now
func clockNow() int64

//go:wasmimport cred_v1 random_fill
func randomFill(dst unsafe.Pointer, length uint32) int32

//go:wasmimport cred_v1 http_call
func httpCall(request unsafe.Pointer, length uint32) int32

//go:wasmimport cred_v1 result_read
func resultRead(handle int32, dst unsafe.Pointer, capacity, offset uint32) int32

//go:wasmimport cred_v1 secret_hmac
func secretHmac(name string, hash int32, data unsafe.Pointer, length uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 secret_sign
func secretSign(name string, signature int32, data unsafe.Pointer, length uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 crypto_hash
func cryptoHash(hash int32, data unsafe.Pointer, length uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 crypto_hmac
func cryptoHmac(hash int32, key unsafe.Pointer, keyLength uint32, data unsafe.Pointer, length uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport cred_v1 crypto_verify
func cryptoVerify(signature int32, key unsafe.Pointer, keyLength uint32, data unsafe.Pointer, length uint32, sig unsafe.Pointer, sigLength uint32) int32

// imports is the host, by its imports.
type imports struct{}

func (imports) ErrorWrite(text string)                    { errorWrite(text) }
func (imports) LogWrite(level wasmabi.Level, text string) { logWrite(int32(level), text) }
func (imports) LogEnabled(level wasmabi.Level) bool       { return logEnabled(int32(level)) == 1 }
func (imports) DeadlineMs() int32                         { return deadlineMs() }
func (imports) KvDelete(key string) int32                 { return kvDelete(key) }
func (imports) ClockNow() int64                           { return clockNow() }

func (imports) ConfigRead(key string, dst []byte) int32 {
	return configRead(key, pointer(dst), uint32(len(dst)))
}

func (imports) KvGet(key string, dst []byte) int32 {
	return kvGet(key, pointer(dst), uint32(len(dst)))
}

func (imports) KvPut(key string, value []byte) int32 {
	return kvPut(key, pointer(value), uint32(len(value)))
}

func (imports) KvScan(prefix, after string, dst []byte) int32 {
	return kvScan(prefix, after, pointer(dst), uint32(len(dst)))
}

func (imports) RandomFill(dst []byte) int32 { return randomFill(pointer(dst), uint32(len(dst))) }

func (imports) HTTPCall(request []byte) int32 {
	return httpCall(pointer(request), uint32(len(request)))
}

func (imports) ResultRead(handle int32, dst []byte, offset int) int32 {
	return resultRead(handle, pointer(dst), uint32(len(dst)), uint32(offset))
}

func (imports) SecretHmac(name string, hash wasmabi.Hash, data, dst []byte) int32 {
	return secretHmac(name, int32(hash), pointer(data), uint32(len(data)), pointer(dst), uint32(len(dst)))
}

func (imports) SecretSign(name string, signature wasmabi.Signature, data, dst []byte) int32 {
	return secretSign(name, int32(signature), pointer(data), uint32(len(data)), pointer(dst), uint32(len(dst)))
}

func (imports) CryptoHash(hash wasmabi.Hash, data, dst []byte) int32 {
	return cryptoHash(int32(hash), pointer(data), uint32(len(data)), pointer(dst), uint32(len(dst)))
}

func (imports) CryptoHmac(hash wasmabi.Hash, key, data, dst []byte) int32 {
	return cryptoHmac(int32(hash), pointer(key), uint32(len(key)), pointer(data), uint32(len(data)), pointer(dst), uint32(len(dst)))
}

func (imports) CryptoVerify(signature wasmabi.Signature, key, data, sig []byte) int32 {
	return cryptoVerify(int32(signature), pointer(key), uint32(len(key)), pointer(data), uint32(len(data)), pointer(sig), uint32(len(sig)))
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
