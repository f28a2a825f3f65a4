//! A device that several people share: each with a ticket, an alias, a consent and a turn; the gates are the device's.

use hearth_protocol::{RefusalCode, RequestId};

use crate::answers::Answer;
use crate::{Claims, ConnectionId, Effects, Room};

impl Room {
    pub(crate) fn share_device(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        request_id: RequestId,
        _claims: Claims,
        _version: u32,
        _hash: &str,
    ) {
        out.frame(connection, Answer::Refused(RefusalCode::NotPossible).frame(request_id));
    }
}
