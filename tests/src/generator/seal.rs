//! Packets by hand under the keys of a real connection: such as no stack would make, and to read every byte of those that arrive.

use hearth_load::{
    keys::Material,
    srtp::{Seal, header_length},
};

/// Of both directions of one connection.
#[derive(Debug)]
pub struct Keys {
    ours: Seal,
    theirs: Seal,
}

impl Keys {
    /// None: clients and relay have not agreed on AES-GCM.
    pub(super) fn of(material: &Material) -> Option<Keys> {
        let [ours, theirs] = material.seals()?;
        Some(Keys { ours, theirs })
    }

    /// As if this client had sent it. The first `head` bytes stay in the clear. Of the first 65,536 packets of its SSRC.
    pub fn seal_rtp(&self, packet: &[u8], head: usize) -> Vec<u8> {
        let mut sealed = packet.to_vec();
        let tag = self.ours.seal_behind(head, &mut sealed, 0);
        sealed.extend(tag);
        sealed
    }

    /// `index`: any number of 31 bits that was not used before.
    pub fn seal_rtcp(&self, compound: &[u8], index: u32) -> Vec<u8> {
        let mut sealed = compound.to_vec();
        self.ours.seal_rtcp(&mut sealed, index);
        sealed
    }

    /// What the relay sent: head and payload. None: not RTP, or later than the first 65,536 of its SSRC.
    pub fn open_rtp<'a>(&self, packet: &'a [u8]) -> Option<(&'a [u8], Vec<u8>)> {
        let head = header_length(packet)?;
        let payload = self.theirs.open(&mut packet.to_vec(), 0)?.to_vec();
        Some((&packet[..head], payload))
    }

    /// A compound packet that the relay sent, whole.
    pub fn open_rtcp(&self, packet: &[u8]) -> Option<Vec<u8>> {
        Some(self.theirs.open_rtcp(&mut packet.to_vec())?.to_vec())
    }
}
