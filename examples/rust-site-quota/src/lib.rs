//! A credentials service for devices at sites, of which each may have only so
//! many in use at once. See README.md for how to build, deploy and try it.

mod site;

use credence_guest::{export, Call, Config, Credentials, CredentialsStatus, Error, Kv, Result, Service, Status};
use site::{Site, Sites};

/// Keeps all of its state in kv:
///
/// ```text
/// device/<id>     the credentials, an encoded message
/// place/<id>      the site in which the device holds a place, while it does
/// used/<prefix>   how many places of a site are held
/// ```
///
/// The site is kept with the place, so that the right one gets it back when the
/// configuration has changed meanwhile.
#[derive(Default)]
struct SiteQuota {
    sites: Sites,
}

/// The longest id, since "device/" and it make a key.
const MAX_ID: usize = 256 - "device/".len();

/// The largest body: with the rest of the message it has to fit into a value.
const MAX_BODY: usize = 60 << 10;

impl Service for SiteQuota {
    fn configure(&mut self, config: &Config) -> Result<()> {
        self.sites = Sites::read(config)?;
        Ok(())
    }

    fn lookup(&self, call: &Call, id: &str) -> Result<Credentials> {
        device(call.kv(), id)?.ok_or_else(Error::not_found)
    }

    fn provide(&self, call: &Call, given: Credentials) -> Result<Credentials> {
        self.site_of(&given.id)?;
        if given.id.len() > MAX_ID {
            return Err(Error::invalid(format!("the id has {} bytes: at most {MAX_ID} are possible here", given.id.len())));
        }
        if given.body.len() > MAX_BODY {
            return Err(Error::invalid(format!("the body has {} bytes: at most {MAX_BODY} are possible here", given.body.len())));
        }
        match device(call.kv(), &given.id)? {
            None => keep(call.kv(), &given)?,
            Some(known) if known.body == given.body => {}
            Some(_) => return Err(Error::new(Status::AlreadyExists, format!("{} has another key: revoke it, and give the device a new id", given.id))),
        }
        Ok(Credentials { status: CredentialsStatus::Available, ..given })
    }

    /// Takes a place of the site. The engine may run it again after a conflict;
    /// what the first run wrote is gone by then, so each device counts once.
    fn mark_in_use(&self, call: &Call, id: &str) -> Result<()> {
        let kv = call.kv();
        let known = device(call.kv(), id)?.ok_or_else(Error::not_found)?;
        match known.status {
            CredentialsStatus::Revoked => return Err(Error::refuse(format!("{id} was revoked"))),
            CredentialsStatus::InUse => return Ok(()),
            _ => {}
        }
        let site = self.site_of(id)?;
        let used = places(call.kv(), &site.prefix)?;
        if used >= site.quota {
            return Err(Error::refuse(format!(
                "the site {} has {used} devices in use, and its quota is {}: revoke one, or deploy the service with a higher quota",
                site.prefix, site.quota
            )));
        }
        kv.put(format!("used/{}", site.prefix), (used + 1).to_string())?;
        kv.put(format!("place/{id}"), &site.prefix)?;
        call.log().info(&format!("{id} takes place {} of {} at {}", used + 1, site.quota, site.prefix));
        keep(kv, &Credentials { status: CredentialsStatus::InUse, ..known })
    }

    /// Gives the place back. It runs again until it succeeds, and the second time
    /// there is no place to give.
    fn mark_revoked(&self, call: &Call, id: &str) -> Result<()> {
        let kv = call.kv();
        let known = match device(call.kv(), id)? {
            Some(known) => known,
            None => return Ok(()), // never provisioned
        };
        if let Some(site) = kv.get(format!("place/{id}"))? {
            let prefix = String::from_utf8_lossy(&site);
            let used = places(call.kv(), &prefix)?;
            kv.put(format!("used/{prefix}"), used.saturating_sub(1).to_string())?;
            kv.delete(format!("place/{id}"))?;
        }
        keep(kv, &Credentials { status: CredentialsStatus::Revoked, ..known })
    }
}

impl SiteQuota {
    fn site_of(&self, id: &str) -> Result<&Site> {
        self.sites.of(id).ok_or_else(|| Error::refuse(format!("{id} belongs to no site: ids begin with one of {}", self.sites.prefixes())))
    }
}

/// What was provisioned under an id.
fn device(kv: Kv, id: &str) -> Result<Option<Credentials>> {
    if id.len() > MAX_ID {
        return Ok(None);
    }
    match kv.get(format!("device/{id}"))? {
        Some(text) => Ok(Some(Credentials::decode(&text)?)),
        None => Ok(None),
    }
}

fn keep(kv: Kv, device: &Credentials) -> Result<()> {
    let mut text = Vec::new();
    device.encode(&mut text);
    kv.put(format!("device/{}", device.id), text)
}

/// How many places of a site are held.
fn places(kv: Kv, prefix: &str) -> Result<u64> {
    match kv.get(format!("used/{prefix}"))? {
        None => Ok(0),
        Some(text) => String::from_utf8_lossy(&text).parse().map_err(|_| Error::new(Status::Internal, format!("used/{prefix} is no number"))),
    }
}

export!(SiteQuota);

#[cfg(test)]
mod tests;
