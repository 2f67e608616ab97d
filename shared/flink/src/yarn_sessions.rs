//! Sessions on a real YARN, behind the port: found by REST, started by Flink's own program.
//! Must not know claims, jobs or what is asked for why.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use control::ports::OutsideError;
use control::session::{Life, RunningSession, SessionCluster, SessionSeen, SessionSelector, Sessions, StartError};
use desired::session_settings::SessionSettings;

use crate::flink_rest::FlinkRest;
use crate::http::Timeouts;
use crate::target::YarnTarget;
use crate::tls::JobManagerTls;
use crate::yarn_rest::YarnRest;
use crate::yarn_session::SessionStarter;

/// A YARN and the program that starts sessions on it.
#[derive(Debug)]
pub struct YarnSessions {
    yarn: YarnRest,
    starter: SessionStarter,
    tls: Option<JobManagerTls>,
}

impl YarnSessions {
    /// The YARN of `target`; connects to nothing yet.
    pub fn new(target: &YarnTarget, starter: SessionStarter) -> Result<Self, OutsideError> {
        let yarn = YarnRest::new(&target.managers, target.timeouts)?;
        Ok(Self { yarn, starter, tls: target.tls.clone() })
    }
}

#[async_trait]
impl Sessions for YarnSessions {
    async fn seen(&self, which: &SessionSelector) -> Result<SessionSeen, OutsideError> {
        self.yarn.session(which).await
    }
    async fn life(&self, application: &str) -> Result<Life, OutsideError> {
        self.yarn.life(application).await
    }
    fn cluster(&self, session: &RunningSession) -> Result<Arc<dyn SessionCluster>, OutsideError> {
        Ok(Arc::new(FlinkRest::of_session(session.clone(), self.yarn.clone(), Timeouts::default(), self.tls.clone())?))
    }
    async fn start(&self, settings: &SessionSettings, tag: &str) -> Result<(), StartError> {
        self.starter.start(settings, tag).await
    }
    async fn told(&self, tag: &str) -> Result<Option<String>, OutsideError> {
        self.yarn.told(tag).await
    }
    async fn recovers(&self) -> Result<bool, OutsideError> {
        self.yarn.recovers().await
    }
    async fn setting(&self, name: &str) -> Result<Option<String>, OutsideError> {
        self.yarn.setting(name).await
    }
}

#[async_trait]
impl SessionCluster for FlinkRest {
    async fn options(&self) -> Result<BTreeMap<String, String>, OutsideError> {
        FlinkRest::options(self).await
    }
    async fn shut_down(&self) -> Result<(), OutsideError> {
        FlinkRest::shut_down(self).await
    }
}
