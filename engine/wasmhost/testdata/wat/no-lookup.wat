;; Does not export lookup_credentials (case E12).
;; Expected: refused at upload, naming the missing export.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1")))
