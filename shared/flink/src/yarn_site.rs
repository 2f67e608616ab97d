//! Where the `ResourceManager` listens, from Hadoop's own `yarn-site.xml`: nothing to set on a cluster that has one.
//! Must not know what is asked of it.

use std::collections::BTreeMap;

use lifecycle::endpoint::Endpoint;

/// The port of the `ResourceManager`'s REST API unless it is set.
const PORT: u16 = 8088;
/// How deep `${name}` may refer to other properties.
const DEPTH: usize = 20;

/// A `yarn-site.xml` that tells no address.
#[derive(Debug, thiserror::Error)]
pub enum YarnSiteError {
    /// No XML.
    #[error("it is no XML")]
    Xml(#[from] roxmltree::Error),
    /// HTTP is off.
    #[error("yarn.http.policy is HTTPS_ONLY, which is not supported")]
    HttpsOnly,
    /// No address.
    #[error(
        "it names no ResourceManager: neither yarn.resourcemanager.webapp.address nor yarn.resourcemanager.hostname"
    )]
    NoAddress,
    /// A value that is no address.
    #[error("{property}: {source}")]
    Address {
        property: String,
        /// What is wrong with it.
        #[source]
        source: lifecycle::endpoint::NotAnEndpoint,
    },
}

/// The REST addresses of every `ResourceManager` that `xml` names, in its order.
pub fn resource_managers(xml: &str) -> Result<Vec<Endpoint>, YarnSiteError> {
    let site = Site::read(xml)?;
    if site.get("yarn.http.policy").as_deref() == Some("HTTPS_ONLY") {
        return Err(YarnSiteError::HttpsOnly);
    }
    let ids = site.get("yarn.resourcemanager.ha.rm-ids").unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    let suffixes = if ids.is_empty() { vec![String::new()] } else { ids.iter().map(|id| format!(".{id}")).collect() };
    suffixes.iter().map(|suffix| site.address(suffix)).collect()
}

/// The properties of a file.
struct Site(BTreeMap<String, String>);

impl Site {
    fn read(xml: &str) -> Result<Self, YarnSiteError> {
        let document = roxmltree::Document::parse(xml)?;
        let text = |property: roxmltree::Node<'_, '_>, tag: &str| {
            let child = property.children().find(|child| child.has_tag_name(tag));
            child.and_then(|child| child.text()).map(|text| text.trim().to_owned())
        };
        let properties = document.descendants().filter(|node| node.has_tag_name("property"));
        Ok(Self(properties.filter_map(|p| Some((text(p, "name")?, text(p, "value")?))).collect()))
    }

    /// The value with the properties that it refers to filled in, as Hadoop does.
    fn get(&self, name: &str) -> Option<String> {
        let mut value = self.0.get(name)?.clone();
        for _ in 0..DEPTH {
            let Some((before, rest)) = value.split_once("${") else { break };
            let Some((referred, after)) = rest.split_once('}') else { break };
            let filled = self.0.get(referred)?;
            value = format!("{before}{filled}{after}");
        }
        Some(value)
    }

    fn address(&self, suffix: &str) -> Result<Endpoint, YarnSiteError> {
        let property = format!("yarn.resourcemanager.webapp.address{suffix}");
        let host = || self.get(&format!("yarn.resourcemanager.hostname{suffix}")).map(|host| format!("{host}:{PORT}"));
        let address = self.get(&property).or_else(host).ok_or(YarnSiteError::NoAddress)?;
        address.parse().map_err(|source| YarnSiteError::Address { property, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::base_url;

    fn site(properties: &[(&str, &str)]) -> String {
        let one =
            |(name, value): &(&str, &str)| format!("<property><name>{name}</name><value> {value}\n</value></property>");
        let all: String = properties.iter().map(one).collect();
        format!("<?xml version=\"1.0\"?>\n<!-- a comment -->\n<configuration>{all}</configuration>")
    }

    fn addresses(properties: &[(&str, &str)]) -> Vec<String> {
        resource_managers(&site(properties)).unwrap().iter().map(base_url).collect()
    }

    #[test]
    fn one_manager_by_its_host_or_its_own_address() {
        assert_eq!(addresses(&[("yarn.resourcemanager.hostname", "ip-10-0-0-1")]), ["http://ip-10-0-0-1:8088"]);
        let both = [
            ("yarn.resourcemanager.hostname", "rm"),
            ("yarn.resourcemanager.webapp.address", "${yarn.resourcemanager.hostname}:18088"),
        ];
        assert_eq!(addresses(&both), ["http://rm:18088"]);
    }

    #[test]
    fn several_managers_in_their_order() {
        let ha = [
            ("yarn.resourcemanager.ha.rm-ids", "rm1, rm2"),
            ("yarn.resourcemanager.hostname.rm1", "a"),
            ("yarn.resourcemanager.webapp.address.rm2", "b:9000"),
        ];
        assert_eq!(addresses(&ha), ["http://a:8088", "http://b:9000"]);
    }

    #[test]
    fn what_names_no_manager_is_refused() {
        assert!(matches!(resource_managers("<configuration/>"), Err(YarnSiteError::NoAddress)));
        assert!(matches!(resource_managers("yarn"), Err(YarnSiteError::Xml(_))));
        let https = site(&[("yarn.http.policy", "HTTPS_ONLY"), ("yarn.resourcemanager.hostname", "a")]);
        assert!(matches!(resource_managers(&https), Err(YarnSiteError::HttpsOnly)));
        let odd = site(&[("yarn.resourcemanager.hostname", "a b")]);
        assert!(matches!(resource_managers(&odd), Err(YarnSiteError::Address { .. })));
        // A property that refers to itself ends.
        let own = site(&[("yarn.resourcemanager.hostname", "${yarn.resourcemanager.hostname}")]);
        assert!(resource_managers(&own).is_err());
    }
}
