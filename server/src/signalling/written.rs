//! Changes that many are told alike, as JSON: written once for all of them.

use std::sync::Arc;

use hearth_protocol::Change;
use hearth_room::Changes;

/// What was written so far of what follows from one command.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(Arc<[Change]>, String)>);

impl Written {
    /// One change after the other, as they stand in a delta.
    pub fn alike(&mut self, changes: &Changes) -> &str {
        if changes.alike.is_empty() {
            return "";
        }
        let found = self.0.iter().rposition(|(one, _)| Arc::ptr_eq(one, &changes.alike));
        let at = found.unwrap_or_else(|| {
            self.0.push((changes.alike.clone(), list(&changes.alike)));
            self.0.len() - 1
        });
        &self.0[at].1
    }
}

/// A delta ([`ServerFrame::Delta`]) of what is written already, and of what is not.
///
/// [`ServerFrame::Delta`]: hearth_protocol::ServerFrame::Delta
pub(super) fn delta(seq: u32, written: &str, own: &[Change]) -> String {
    let own = list(own);
    let between = if written.is_empty() || own.is_empty() { "" } else { "," };
    format!(r#"{{"type":"delta","seq":{seq},"changes":[{written}{between}{own}]}}"#)
}

fn list(changes: &[Change]) -> String {
    let mut list = String::new();
    for change in changes {
        if !list.is_empty() {
            list.push(',');
        }
        list += &serde_json::to_string(change)
            .expect("wire types have text keys and nothing that can fail to serialise");
    }
    list
}

#[cfg(test)]
mod tests {
    use hearth_protocol::{Notice, ParticipantId, ServerFrame};

    use super::*;

    fn left(participant: u32) -> Change {
        Change::Left { participant: ParticipantId(participant) }
    }

    #[test]
    fn a_delta_in_two_parts_reads_as_one() {
        let check = |alike: &[Change], own: &[Change]| {
            let changes = Changes { alike: alike.into(), own: own.to_vec() };
            let text = delta(7, Written::default().alike(&changes), own);
            let whole = ServerFrame::Delta { seq: 7, changes: changes.iter().cloned().collect() };
            assert_eq!(text, serde_json::to_string(&whole).expect("JSON"));
        };
        let notice = Change::Notice { notice: Notice::Recalled };
        check(&[], &[]);
        check(&[left(1)], &[]);
        check(&[], &[left(1)]);
        check(&[left(1), left(2)], &[notice.clone(), left(3)]);
        check(&[notice], &[left(3)]);
    }

    #[test]
    fn each_is_told_their_own_list_whoever_was_told_before() {
        let [one, other] = [1, 2].map(|id| Changes::alike([left(id)].into()));
        let mut written = Written::default();
        for changes in [&one, &other, &one, &Changes::default(), &other] {
            assert_eq!(written.alike(changes), list(&changes.alike));
        }
        assert_eq!(written.0.len(), 2);
    }
}
