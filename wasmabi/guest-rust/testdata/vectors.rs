//! Reads messages as lines of a name and hex, and writes what it makes of each:
//! "ok", the message encoded again, and its fields; or "no" and the reason.

use std::io::BufRead;

use credence_guest::message::*;
use credence_guest::{Credentials, DecodeError, Header, HttpRequest, HttpResponse};

type Fields = Vec<(String, String)>;

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (message, hex) = line.split_once(' ').expect("a message and its bytes");
        match read(message, &unhex(hex)) {
            Err(e) => println!("no {e}"),
            Ok((encoded, fields)) => {
                let fields: Vec<_> = fields.into_iter().filter(|f| !f.1.is_empty() && f.1 != "0").map(|(name, value)| format!(" {name}={value}")).collect();
                println!("ok {}{}", to_hex(&encoded), fields.concat());
            }
        }
    }
}

fn read(message: &str, raw: &[u8]) -> Result<(Vec<u8>, Fields), DecodeError> {
    let mut out = Vec::new();
    let mut fields = Vec::new();
    match message {
        "Credentials" => {
            let m = Credentials::decode(raw)?;
            m.encode(&mut out);
            credentials("", &m, &mut fields);
        }
        "LookupRequest" | "MarkInUseRequest" | "MarkRevokedRequest" => {
            let m = LookupRequest::decode("a request", raw)?;
            m.encode(&mut out);
            fields = vec![text("applicationId", m.application_id), text("credentialsId", m.credentials_id), text("requestId", m.request_id)];
        }
        "ProvideRequest" => {
            let m = ProvideRequest::decode(raw)?;
            m.encode(&mut out);
            fields = vec![text("applicationId", m.application_id), text("requestId", m.request_id)];
            credentials("credentials.", &m.credentials, &mut fields);
        }
        "VerifyProofRequest" => {
            let m = VerifyProofRequest::decode(raw)?;
            m.encode(&mut out);
            fields = vec![text("applicationId", m.application_id), text("proofType", m.proof_type), text("requestId", m.request_id)];
            fields.push(("challenge".into(), to_hex(m.challenge)));
            fields.push(("proof".into(), to_hex(m.proof)));
            credentials("credentials.", &m.credentials, &mut fields);
        }
        "KvPage" => {
            let entries = decode_kv_page(raw)?;
            encode_kv_page(&entries, &mut out);
            for (i, e) in entries.iter().enumerate() {
                fields.push((format!("entries.{i}.key"), to_hex(&e.key)));
                fields.push((format!("entries.{i}.value"), to_hex(&e.value)));
            }
        }
        "HttpRequest" => {
            let m = HttpRequest::decode(raw)?;
            m.encode(&mut out);
            fields = vec![text("method", &m.method), text("url", &m.url), ("body".into(), to_hex(&m.body))];
            fields.push(("timeoutMs".into(), m.timeout_ms.to_string()));
            headers(&m.headers, &mut fields);
        }
        "HttpResponse" => {
            let m = HttpResponse::decode(raw)?;
            m.encode(&mut out);
            fields = vec![("status".into(), m.status.to_string()), ("body".into(), to_hex(&m.body))];
            headers(&m.headers, &mut fields);
        }
        _ => panic!("the message {message} is unknown"),
    }
    Ok((out, fields))
}

fn credentials(path: &str, c: &Credentials, fields: &mut Fields) {
    fields.push((format!("{path}id"), to_hex(c.id.as_bytes())));
    fields.push((format!("{path}body"), to_hex(&c.body)));
    fields.push((format!("{path}status"), (c.status as i32).to_string()));
    fields.push((format!("{path}expiresUnix"), c.expires_unix.to_string()));
}

fn headers(all: &[Header], fields: &mut Fields) {
    for (i, h) in all.iter().enumerate() {
        fields.push((format!("headers.{i}.name"), to_hex(h.name.as_bytes())));
        fields.push((format!("headers.{i}.value"), to_hex(h.value.as_bytes())));
        fields.push((format!("headers.{i}.secret"), to_hex(h.secret.as_bytes())));
    }
}

fn text(name: &str, value: &str) -> (String, String) {
    (name.to_string(), to_hex(value.as_bytes()))
}

fn to_hex(raw: &[u8]) -> String {
    raw.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")).collect()
}
