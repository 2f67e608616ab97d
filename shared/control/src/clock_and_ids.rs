//! The system's clock and id source.
//! Must not know what the ids name.

use jiff::Timestamp;
use lifecycle::ids::Hex32;
use uuid::Uuid;

use crate::ports::World;

/// The system's clock and random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWorld;

impl World for SystemWorld {
    #[expect(clippy::disallowed_methods, reason = "the port itself")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the port itself")]
    fn fresh_id(&self) -> Hex32 {
        Hex32::from_bytes(Uuid::now_v7().into_bytes())
    }

    #[expect(clippy::disallowed_methods, reason = "the port itself")]
    fn query_id(&self) -> String {
        // The Python tool takes the machine's address as the node; a random one does not tell where it ran.
        let mut node = [0; 6];
        node.copy_from_slice(&Uuid::now_v7().into_bytes()[10..]);
        node[0] |= 1;
        Uuid::now_v1(&node).hyphenated().to_string()
    }

    fn local_time(&self, now: Timestamp) -> String {
        now.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}
