-- Who was here, append-only. People are pseudonyms under the room's key, as in the audit.
CREATE TABLE attendance (
    room         TEXT    NOT NULL,
    session      BLOB    NOT NULL,
    number       INTEGER NOT NULL, -- from 0, per session
    written_ms   INTEGER NOT NULL, -- since 1970
    entry        TEXT    NOT NULL CHECK (entry IN ('stay', 'attested', 'corrected')),
    person       TEXT,             -- who was here, or whom a correction is about
    role         TEXT,
    kind         TEXT,             -- group, individual
    began_ms     INTEGER,          -- since 1970
    from_ms      INTEGER,          -- the session's clock
    to_ms        INTEGER,
    facilitators INTEGER,          -- the fewest in the same space meanwhile
    members      INTEGER,          -- the most
    signed_by    TEXT,             -- who attests or corrects
    minutes      INTEGER,          -- of a correction, in all
    note         TEXT,
    PRIMARY KEY (room, session, number)
) STRICT;

CREATE TRIGGER attendance_is_never_changed BEFORE UPDATE ON attendance
BEGIN SELECT RAISE(ABORT, 'attendance is append-only'); END;

CREATE TRIGGER attendance_is_never_deleted BEFORE DELETE ON attendance
BEGIN SELECT RAISE(ABORT, 'attendance is append-only'); END;

-- The same number is the same entry, written already. Also keeps INSERT OR REPLACE from replacing it.
CREATE TRIGGER attendance_is_written_once BEFORE INSERT ON attendance
WHEN EXISTS (SELECT 1 FROM attendance WHERE room = NEW.room AND session = NEW.session AND number = NEW.number)
BEGIN SELECT RAISE(IGNORE); END;

-- The last row of each room's audit, so that an end that was cut off is seen.
CREATE TABLE audit_head (
    room     TEXT    PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

INSERT INTO audit_head
SELECT room, sequence, hash FROM audit AS one
WHERE sequence = (SELECT max(sequence) FROM audit WHERE room = one.room);
