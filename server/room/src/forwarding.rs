//! What the relay is told: a row for everyone who is present, and nothing of anyone else.

use hearth_forwarding::{ForwardingTable, Row, Space, Subject};

use crate::Room;
use crate::seat::Seat;

/// The table of this very moment, under the version and epoch of the last one.
pub(crate) fn derive(room: &Room) -> ForwardingTable {
    let present = room.seats.iter().filter(|(_, seat)| !room.ended && seat.is_present());
    let rows = present.map(|(subject, seat)| row(room, *subject, seat)).collect();
    ForwardingTable { version: room.version, epoch: room.epoch, rows }
}

fn row(room: &Room, subject: Subject, seat: &Seat) -> Row {
    let holder = room.floor.is_holder(subject);
    Row {
        subject,
        generation: seat.generation,
        space: Space(0),
        barred: room.is_barred(seat),
        closed: seat.gates.map(|gate| gate.reasons()),
        weight: match (holder, seat.role.is_facilitator()) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        },
    }
}

/// Who may listen, of a table.
pub(crate) fn listeners(table: &ForwardingTable) -> impl Iterator<Item = (Subject, Space)> {
    table.rows.iter().filter(|row| !row.barred).map(|row| (row.subject, row.space))
}
