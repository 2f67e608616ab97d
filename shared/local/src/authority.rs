//! Who may do what: asked before every call is carried out, where the stack was given somebody who knows.
//! Must not know policies, nor what a call does.

use std::fmt;
use std::sync::Arc;

use crate::principal::Principal;
use crate::recording::Need;

type Decides = dyn Fn(Principal, &Need) -> bool + Send + Sync;

/// Decides about each permission that a call needs. By default everybody may do everything.
#[derive(Clone, Default)]
pub struct Authority(Option<Arc<Decides>>);

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authority").field(&self.0.is_some()).finish()
    }
}

impl Authority {
    /// Whoever `allows` allows; the account's owner, whom nobody refuses anything, is not asked about.
    pub fn new(allows: impl Fn(Principal, &Need) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(allows)))
    }

    /// What AWS says to a caller who lacks one of the permissions.
    pub(crate) fn refusal(&self, principal: Option<Principal>, needs: &[Need]) -> Option<String> {
        let allows = self.0.as_ref()?;
        let Some(principal) = principal else { return Some("the caller is nobody of this account".to_owned()) };
        let lacking = needs.iter().find(|need| principal != Principal::Owner && !allows(principal, need))?;
        let (arn, Need { action, resource, .. }) = (principal.arn(), lacking);
        Some(format!("User: {arn} is not authorized to perform: {action} on resource: {resource}"))
    }
}
