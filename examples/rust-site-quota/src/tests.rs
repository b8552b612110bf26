use super::*;
use credence_guest::testing::Engine;

const SITES: &[(&str, &str)] = &[
    ("/sites/0", "{}"),
    ("/sites/0/prefix", "\"berlin-\""),
    ("/sites/0/quota", "2"),
    ("/sites/1", "{}"),
    ("/sites/1/prefix", "\"berlin-lab-\""),
    ("/sites/1/quota", "1"),
];

fn service() -> (Engine, SiteQuota) {
    let engine = Engine::new();
    let service = engine.configure(SITES).unwrap();
    (engine, service)
}

fn provide(engine: &Engine, s: &SiteQuota, id: &str, body: &[u8]) -> Result<Credentials> {
    engine.call(|call| s.provide(call, Credentials { body: body.to_vec(), ..Credentials::available(id) }))
}

fn claim(engine: &Engine, s: &SiteQuota, id: &str) -> Result<()> {
    engine.call(|call| s.mark_in_use(call, id))
}

fn revoke(engine: &Engine, s: &SiteQuota, id: &str) {
    engine.call(|call| s.mark_revoked(call, id)).unwrap();
}

fn status(engine: &Engine, s: &SiteQuota, id: &str) -> Result<CredentialsStatus, Status> {
    engine.call(|call| s.lookup(call, id)).map(|c| c.status).map_err(|e| e.status)
}

fn used(engine: &Engine, prefix: &str) -> String {
    String::from_utf8(engine.state()[format!("used/{prefix}").as_bytes()].clone()).unwrap()
}

#[test]
fn a_site_has_no_more_devices_than_its_quota() {
    let (engine, s) = service();
    for id in ["berlin-1", "berlin-2", "berlin-3", "berlin-lab-1", "berlin-lab-2"] {
        provide(&engine, &s, id, b"key").unwrap();
        assert_eq!(status(&engine, &s, id), Ok(CredentialsStatus::Available));
    }
    claim(&engine, &s, "berlin-1").unwrap();
    claim(&engine, &s, "berlin-1").unwrap(); // counts once
    claim(&engine, &s, "berlin-2").unwrap();
    claim(&engine, &s, "berlin-lab-1").unwrap();
    let e = claim(&engine, &s, "berlin-3").unwrap_err();
    assert_eq!(e.status, Status::PermissionDenied);
    assert!(e.text.contains("the site berlin- has 2 devices in use, and its quota is 2"), "{e}");
    assert!(claim(&engine, &s, "berlin-lab-2").is_err(), "the longest prefix counts");
    assert_eq!((used(&engine, "berlin-"), used(&engine, "berlin-lab-")), ("2".into(), "1".into()));
    assert_eq!(status(&engine, &s, "berlin-1"), Ok(CredentialsStatus::InUse));
    assert_eq!(status(&engine, &s, "berlin-3"), Ok(CredentialsStatus::Available));
}

#[test]
fn a_revoked_device_gives_its_place_back_once() {
    let (engine, s) = service();
    for id in ["berlin-1", "berlin-2", "berlin-3", "berlin-4"] {
        provide(&engine, &s, id, b"key").unwrap();
    }
    claim(&engine, &s, "berlin-1").unwrap();
    claim(&engine, &s, "berlin-2").unwrap();
    revoke(&engine, &s, "berlin-1");
    revoke(&engine, &s, "berlin-1");
    revoke(&engine, &s, "berlin-4"); // never held one
    revoke(&engine, &s, "unknown");
    assert_eq!(used(&engine, "berlin-"), "1");
    assert_eq!(status(&engine, &s, "berlin-1"), Ok(CredentialsStatus::Revoked));
    claim(&engine, &s, "berlin-3").unwrap();
    assert_eq!(claim(&engine, &s, "berlin-1").unwrap_err().text, "berlin-1 was revoked");
    assert_eq!(claim(&engine, &s, "berlin-4").unwrap_err().text, "berlin-4 was revoked");
}

#[test]
fn the_site_that_counted_gets_the_place_back_under_a_new_configuration() {
    let (engine, s) = service();
    provide(&engine, &s, "berlin-lab-1", b"key").unwrap();
    claim(&engine, &s, "berlin-lab-1").unwrap();
    let s: SiteQuota = engine.configure(&SITES[..3]).unwrap();
    revoke(&engine, &s, "berlin-lab-1");
    assert_eq!(used(&engine, "berlin-lab-"), "0");
    assert!(!engine.state().contains_key(b"used/berlin-".as_slice()));
}

#[test]
fn the_same_credentials_come_again_and_others_are_refused() {
    let (engine, s) = service();
    provide(&engine, &s, "berlin-1", b"key").unwrap();
    claim(&engine, &s, "berlin-1").unwrap();
    assert_eq!(provide(&engine, &s, "berlin-1", b"key").unwrap().status, CredentialsStatus::Available);
    assert_eq!(status(&engine, &s, "berlin-1"), Ok(CredentialsStatus::InUse), "still");
    assert_eq!(provide(&engine, &s, "berlin-1", b"other").unwrap_err().status, Status::AlreadyExists);
    let e = provide(&engine, &s, "paris-1", b"key").unwrap_err();
    assert_eq!((e.status, e.text.as_str()), (Status::PermissionDenied, "paris-1 belongs to no site: ids begin with one of berlin-lab-, berlin-"));
    for (id, body) in [("berlin-".to_string() + &"x".repeat(243), 1), ("berlin-1".to_string(), (60 << 10) + 1)] {
        assert_eq!(provide(&engine, &s, &id, &vec![0; body]).unwrap_err().status, Status::InvalidArgument);
    }
    let longest = "berlin-".to_string() + &"x".repeat(242);
    provide(&engine, &s, &longest, &vec![0; 60 << 10]).unwrap();
    claim(&engine, &s, &longest).unwrap();
    assert_eq!(status(&engine, &s, &("berlin-".to_string() + &"x".repeat(249))), Err(Status::NotFound));
    assert_eq!(claim(&engine, &s, "berlin-9").unwrap_err().status, Status::NotFound);
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_with_what_to_change() {
    let engine = Engine::new();
    for (config, text) in [
        (vec![], "/sites is empty or missing"),
        (vec![("/sites/0", "{}")], "/sites/0/prefix has to have 1 to 64 bytes"),
        (vec![("/sites/0", "{}"), ("/sites/0/prefix", "7")], "/sites/0/prefix in the configuration is not a string"),
        (vec![("/sites/0", "{}"), ("/sites/0/prefix", "\"a\"")], "/sites/0/quota is missing"),
        (vec![("/sites/0", "{}"), ("/sites/0/prefix", "\"a\""), ("/sites/0/quota", "-1")], "/sites/0/quota in the configuration is not a whole number"),
        ([SITES, &[("/sites/2", "{}"), ("/sites/2/prefix", "\"berlin-\""), ("/sites/2/quota", "1")]].concat(), "the site berlin- is there twice"),
    ] {
        let e = engine.configure::<SiteQuota>(&config).err().unwrap();
        assert_eq!(e.status, Status::InvalidArgument);
        assert!(e.text.contains(text), "{e}");
    }
}
