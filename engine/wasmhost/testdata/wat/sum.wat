;; A tight loop over memory, for benchmarks and for comparing a metered module
;; with its original. Expected: the same sum from both.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  ;; Sums the bytes of the first page, n times.
  (func (export "bytes") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $page
      (local.set $i (i32.const 0))
      (loop $byte
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $i))))
        (br_if $byte (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 65536))))
      (br_if $page (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  ;; The smallest loop there is: counts down from n.
  (func (export "count") (param $n i32) (result i32)
    (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $n))
  ;; Calls: Fibonacci numbers by recursion.
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (i32.lt_u (local.get $n) (i32.const 2)) (then (return (local.get $n))))
    (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
             (call $fib (i32.sub (local.get $n) (i32.const 2)))))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))
