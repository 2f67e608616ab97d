//! Who calls: every principal has an access key of its own, so that a request's signature tells them apart.
//! Must not know what a principal may do.

use std::collections::BTreeMap;

use crate::config::{ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY};

/// Somebody with credentials at the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    Function,
    /// The primary node: steps, commands, and the cluster's own software.
    Node,
    /// People who upload what the function reads.
    Uploader,
    /// People who run the system: configuration, and questions to the function.
    Operator,
    /// Whoever administers the cluster on its primary node.
    Administrator,
    /// The account's owner, who may do everything; tests look at things as the owner.
    Owner,
}

impl Principal {
    pub const ALL: [Self; 6] =
        [Self::Function, Self::Node, Self::Uploader, Self::Operator, Self::Administrator, Self::Owner];

    /// The name in recordings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Node => "node",
            Self::Uploader => "uploader",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::Owner => "owner",
        }
    }

    /// The access key id; the secret key is the same for all.
    pub fn access_key(self) -> &'static str {
        match self {
            Self::Function => "AKIALOCALFUNCTIONXXX",
            Self::Node => "AKIALOCALNODEXXXXXXX",
            Self::Uploader => "AKIALOCALUPLOADERXXX",
            Self::Operator => "AKIALOCALOPERATORXXX",
            Self::Administrator => "AKIALOCALADMINXXXXXX",
            Self::Owner => ACCESS_KEY,
        }
    }

    /// The ARN by which STS knows the principal.
    pub fn arn(self) -> String {
        match self {
            Self::Owner => format!("arn:aws:iam::{ACCOUNT}:root"),
            Self::Function | Self::Node | Self::Uploader | Self::Operator | Self::Administrator => {
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}s/local", self.name())
            }
        }
    }

    /// The variables that give an SDK this principal's credentials, and the region.
    pub(crate) fn env(self) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", self.access_key()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Whose access key id it is.
    pub(crate) fn of_key(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|principal| principal.access_key() == id)
    }

    /// Who signed a request, by its `Authorization` header (`AWS4-HMAC-SHA256 Credential=ID/date/…`).
    pub(crate) fn of_authorization(header: &str) -> Option<Self> {
        let (_, credential) = header.split_once("Credential=")?;
        Self::of_key(credential.split('/').next()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_names_the_principal() {
        for principal in Principal::ALL {
            let id = principal.access_key();
            assert_eq!(id.len(), 20);
            let header = format!("AWS4-HMAC-SHA256 Credential={id}/20261125/us-east-1/s3/aws4_request, Signature=0");
            assert_eq!(Principal::of_authorization(&header), Some(principal));
        }
        assert_eq!(Principal::of_authorization("AWS4-HMAC-SHA256 Credential=AKIANOBODY/x"), None);
        assert_eq!(Principal::of_authorization(""), None);
    }
}
