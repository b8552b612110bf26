//! The sites of the configuration.

use credence_guest::{Config, Error, Result};

/// A site: devices whose ids begin with its prefix.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub prefix: String,
    /// How many of them may be in use at once.
    pub quota: u64,
}

/// All sites, the longest prefix first.
#[derive(Default)]
pub struct Sites(Vec<Site>);

/// Keeps the prefix and the key of its counter short.
const MAX_PREFIX: usize = 64;

/// Bounds the time that a search takes.
const MAX_SITES: usize = 64;

impl Sites {
    /// Reads the sites, and says what has to change if they make no sense.
    pub fn read(config: &Config) -> Result<Sites> {
        let mut sites: Vec<Site> = Vec::new();
        while config.json(&format!("/sites/{}", sites.len()))?.is_some() {
            let at = format!("/sites/{}", sites.len());
            let prefix = config.string(&format!("{at}/prefix"))?.unwrap_or_default();
            if prefix.is_empty() || prefix.len() > MAX_PREFIX {
                return Err(Error::invalid(format!("{at}/prefix has to have 1 to {MAX_PREFIX} bytes, like \"berlin-\"")));
            }
            let quota = config.number(&format!("{at}/quota"))?.ok_or_else(|| Error::invalid(format!("{at}/quota is missing: give a number of devices")))?;
            if sites.iter().any(|s| s.prefix == prefix) {
                return Err(Error::invalid(format!("{at}/prefix: the site {prefix} is there twice")));
            }
            if sites.len() == MAX_SITES {
                return Err(Error::invalid(format!("/sites has more than {MAX_SITES} sites")));
            }
            sites.push(Site { prefix, quota });
        }
        if sites.is_empty() {
            return Err(Error::invalid("/sites is empty or missing; example: {\"sites\": [{\"prefix\": \"berlin-\", \"quota\": 50}]}"));
        }
        sites.sort_by_key(|s| std::cmp::Reverse(s.prefix.len()));
        Ok(Sites(sites))
    }

    /// The site of a device: the one with the longest prefix that fits.
    pub fn of(&self, id: &str) -> Option<&Site> {
        self.0.iter().find(|s| id.starts_with(&s.prefix))
    }

    /// The prefixes, for messages.
    pub fn prefixes(&self) -> String {
        self.0.iter().map(|s| s.prefix.as_str()).collect::<Vec<_>>().join(", ")
    }
}
