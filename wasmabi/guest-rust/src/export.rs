//! The exports of a module.

/// Makes a type that implements [`Service`](crate::Service) the service of this
/// module. Use it once.
///
/// `export!(MyService, verify_proof)` says that the service judges proofs. The
/// engine has to know that before it asks, so that an application that requires
/// proofs is not given a service that knows none.
#[macro_export]
macro_rules! export {
    ($service:ty, verify_proof) => {
        $crate::export!($service);

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        extern "C" fn verify_proof(length: usize) -> i32 {
            $crate::dispatch::verify_proof(&credence_exports::SLOT, length)
        }
    };
    ($service:ty) => {
        const _: fn() -> $service = <$service as ::std::default::Default>::default;

        #[cfg(target_arch = "wasm32")]
        mod credence_exports {
            use super::*;
            use $crate::dispatch;

            pub(super) static SLOT: dispatch::Slot<$service> = dispatch::Slot::new();

            #[no_mangle]
            extern "C" fn cred_abi_v1() {}

            #[no_mangle]
            extern "C" fn _initialize() {
                dispatch::initialize();
            }

            #[no_mangle]
            extern "C" fn cred_configure(_length: usize) -> i32 {
                dispatch::configure(&SLOT)
            }

            #[no_mangle]
            extern "C" fn lookup_credentials(length: usize) -> i32 {
                dispatch::lookup(&SLOT, length)
            }

            #[no_mangle]
            extern "C" fn provide_credentials(length: usize) -> i32 {
                dispatch::provide(&SLOT, length)
            }

            #[no_mangle]
            extern "C" fn mark_credentials_in_use(length: usize) -> i32 {
                dispatch::mark_in_use(&SLOT, length)
            }

            #[no_mangle]
            extern "C" fn mark_credentials_revoked(length: usize) -> i32 {
                dispatch::mark_revoked(&SLOT, length)
            }
        }
    };
}
