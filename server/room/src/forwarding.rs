//! What the relay is told: a row for everyone who is present, and nothing of anyone else.

use hearth_forwarding::{ForwardingTable, Reason, Row, Space, Subject};

use crate::Room;
use crate::seat::Seat;

/// The table of this very moment, under the version and epoch of the last one.
pub(crate) fn derive(room: &Room) -> ForwardingTable {
    let present = room.seats.iter().filter(|(_, seat)| !room.ended && seat.is_present());
    let rows = present.map(|(subject, seat)| row(room, *subject, seat)).collect();
    ForwardingTable { version: room.version, epoch: room.epoch, rows }
}

fn row(room: &Room, subject: Subject, seat: &Seat) -> Row {
    let holder = room.has_floor(subject);
    Row {
        subject,
        generation: seat.generation,
        space: seat.space,
        barred: room.is_barred(seat),
        closed: seat.gates.map(|gate| gate.reasons()),
        weight: match (holder, seat.role.is_facilitator()) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        },
    }
}

/// Whether people only opened or closed their own gates. A restart closes these anyway, so it need not know.
pub(crate) fn differs_by_owners_alone(old: &ForwardingTable, new: &ForwardingTable) -> bool {
    let rules = |row: &Row| {
        let closed = row.closed.map(|reasons| reasons.without(Reason::Self_));
        (row.subject, row.generation, row.space, row.barred, closed)
    };
    old.rows.len() == new.rows.len()
        && old.rows.iter().zip(&new.rows).all(|(old, new)| rules(old) == rules(new))
}

/// Who may listen, of a table.
pub(crate) fn listeners(table: &ForwardingTable) -> impl Iterator<Item = (Subject, Space)> {
    table.rows.iter().filter(|row| !row.barred).map(|row| (row.subject, row.space))
}
