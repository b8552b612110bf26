//! The SDK against the engine that is played in memory.

use super::*;
use crate::{Crypto, Error, Hash, Header, Signature, Status};

fn in_call<T>(operation: impl FnOnce(&Call<'_>) -> Result<T>) -> Result<T> {
    Engine::new().call(operation)
}

#[test]
fn state_is_read_written_and_scanned_in_order() {
    in_call(|call| {
        let kv = call.kv();
        assert_eq!(kv.get("a/1")?, None);
        for (key, size) in [("a/1", 3000), ("a/3", 64 << 10), ("a/2", 3000), ("a/4", 0), ("b/1", 1)] {
            kv.put(key, vec![7; size])?;
        }
        assert_eq!(kv.get("a/3")?, Some(vec![7; 64 << 10]));
        let keys: Result<Vec<_>> = kv.scan("a/", "a/1").map(|e| e.map(|e| (e.key, e.value.len()))).collect();
        assert_eq!(keys?, [(b"a/2".to_vec(), 3000), (b"a/3".to_vec(), 64 << 10), (b"a/4".to_vec(), 0)]);
        kv.delete("a/1")?;
        kv.delete("a/1")?;
        assert_eq!(kv.get("a/1")?, None);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_operation_that_fails_leaves_no_state() {
    let engine = Engine::new();
    engine.call(|call| call.kv().put("kept", "1")).unwrap();
    let refused: Result<()> = engine.call(|call| {
        call.kv().put("lost", "1")?;
        Err(Error::refuse("no"))
    });
    assert_eq!(refused.unwrap_err().status, Status::PermissionDenied);
    assert_eq!(engine.state().into_keys().collect::<Vec<_>>(), [b"kept"]);
}

#[test]
fn limits_of_the_state_are_refused_with_the_error_number() {
    for (key, size, errno) in [("".to_string(), 1, Errno::INVAL), ("k".repeat(257), 1, Errno::TOO_BIG), ("k".to_string(), 65537, Errno::TOO_BIG)] {
        let e = in_call(|call| call.kv().put(&key, vec![0; size])).unwrap_err();
        assert_eq!((e.status, e.errno), (Status::Internal, Some(errno)));
        assert!(e.text.starts_with("kv_put: "), "{e}");
    }
    let e = in_call(|call| (0..33).try_for_each(|_| call.kv().put("k", ""))).unwrap_err();
    assert_eq!((e.status, e.errno), (Status::ResourceExhausted, Some(Errno::DQUOT)));
    let scanned = in_call(|call| {
        (0..32).try_for_each(|_| call.kv().put("k", ""))?;
        Ok(call.kv().scan("", "").map(|e| e.unwrap_err().errno).collect::<Vec<_>>())
    });
    assert_eq!(scanned.unwrap(), [Some(Errno::DQUOT)], "a scan ends after an error");
}

#[test]
fn configuration_is_read_by_pointer_and_checked() {
    #[derive(Default, Debug)]
    struct Sites(u64, String, bool);
    impl Service for Sites {
        fn configure(&mut self, config: &Config<'_>) -> Result<()> {
            self.0 = config.number("/quota")?.unwrap_or(7);
            self.1 = config.string("/name")?.unwrap_or_default();
            self.2 = config.boolean("/open")?.unwrap_or_default();
            Ok(())
        }
        fn lookup(&self, _: &Call<'_>, _: &str) -> Result<crate::Credentials> {
            Err(Error::not_found())
        }
    }
    let engine = Engine::new();
    let long = "é".repeat(500);
    let s: Sites = engine.configure(&[("/quota", "50"), ("/name", &format!("\"{long}\"")), ("/open", "true")]).unwrap();
    assert_eq!((s.0, s.1, s.2), (50, long, true));
    let s: Sites = engine.configure(&[]).unwrap();
    assert_eq!((s.0, s.1.as_str(), s.2), (7, "", false));
    for (pointer, text) in [("/quota", "-1"), ("/quota", "1.5"), ("/name", "1"), ("/open", "\"yes\"")] {
        let e = engine.configure::<Sites>(&[(pointer, text)]).unwrap_err();
        assert_eq!(e.status, Status::InvalidArgument);
        assert!(e.text.starts_with(pointer), "{e}");
    }
}

#[test]
fn http_answers_are_read_in_parts() {
    let engine = Engine::new();
    let e = engine.call(|call| call.http().get("https://a/")).unwrap_err();
    assert_eq!(e.errno, Some(Errno::PERM), "nothing is allowed until the test says so");
    engine.on_http(|r| match r.url.as_str() {
        "https://a/large" => Ok(HttpResponse { status: 200, headers: vec![Header::new("etag", "\"1\"")], body: vec![7; 60000] }),
        _ => Err(Errno::AGAIN),
    });
    let r = engine.call(|call| call.http().get("https://a/large")).unwrap();
    assert_eq!((r.status, r.header("etag"), r.header("date"), r.body.len()), (200, Some("\"1\""), None, 60000));
    let e = engine.call(|call| call.http().get("https://a/")).unwrap_err();
    assert_eq!((e.status, e.text.as_str()), (Status::Unavailable, "http_call: not now, try again (EAGAIN)"));
}

#[test]
fn cryptography_reaches_the_engine() {
    let engine = Engine::new();
    engine.on_crypto(|call| match call {
        CryptoCall::Hash { hash: 3, data } => Ok([data, vec![0; 300]].concat()),
        CryptoCall::Hmac { hash: 1, key, data } => Ok([key, data].concat()),
        CryptoCall::SecretHmac { name, hash: 1, data } => Ok([name.into_bytes(), data].concat()),
        CryptoCall::SecretSign { name, algorithm: 2, data } => Ok([data, name.into_bytes()].concat()),
        CryptoCall::Verify { algorithm: 1 | 17, key, data, signature } => Ok(if signature == [key, data].concat() { vec![1] } else { vec![] }),
        _ => Err(Errno::INVAL),
    });
    let crypto = |f: fn(&Crypto<'_>) -> Result<Vec<u8>>| engine.call(|call| f(&call.crypto()));
    assert_eq!(crypto(|c| c.hash(Hash::Sha512, b"a")).unwrap().len(), 301);
    assert_eq!(crypto(|c| c.hash(Hash::Sha1, b"a")).unwrap_err().errno, Some(Errno::INVAL));
    assert_eq!(crypto(|c| c.hmac(Hash::Sha256, b"k", b"d")).unwrap(), b"kd");
    assert_eq!(engine.call(|call| call.secrets().hmac("s", Hash::Sha256, b"d")).unwrap(), b"sd");
    assert_eq!(engine.call(|call| call.secrets().sign("s", Signature::P256, b"d")).unwrap(), b"ds");
    let verify = |signature: &'static [u8]| engine.call(|call| call.crypto().verify(Signature::Ed25519, b"k", b"d", signature));
    assert_eq!((verify(b"kd"), verify(b"k")), (Ok(true), Ok(false)));
    assert_eq!(engine.call(|call| call.crypto().verify_hmac(Hash::Sha256, b"k", b"d", b"kd")), Ok(true));
}

#[test]
fn time_randomness_and_log_are_played() {
    let engine = Engine::new();
    engine.set_now(Duration::from_millis(1_893_456_000_123));
    engine
        .call(|call| {
            assert_eq!(call.now()?.as_secs(), 1_893_456_000);
            let mut random = [0; 16];
            call.random(&mut random)?;
            assert_ne!(random, [0; 16]);
            assert_eq!(call.deadline(), Duration::from_millis(250));
            call.log().warn("look");
            Ok(())
        })
        .unwrap();
    assert_eq!(engine.log(), [(2, "look".to_string())]);
}
