-- Acts of power, append-only. Subjects are pseudonyms under the room's key; without the key they are nobody's.
CREATE TABLE audit (
    room       TEXT    NOT NULL,
    sequence   INTEGER NOT NULL, -- from 1, per room
    session    BLOB    NOT NULL,
    number     INTEGER NOT NULL, -- from 0, per session
    clock_ms   INTEGER NOT NULL, -- the session's clock
    written_ms INTEGER NOT NULL, -- since 1970
    actor      TEXT,             -- pseudonym; null: the room itself, by a rule
    act        TEXT    NOT NULL,
    subject    TEXT,             -- pseudonym
    detail     TEXT    NOT NULL, -- JSON
    previous   BLOB    NOT NULL, -- the hash of the row before; the first has 32 zeros
    hash       BLOB    NOT NULL, -- SHA-256 over all of the above
    PRIMARY KEY (room, sequence),
    UNIQUE (room, session, number)
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- Also keeps INSERT OR REPLACE, which runs no delete trigger, from replacing a row.
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit WHERE room = NEW.room)
  OR NEW.previous <> coalesce((SELECT hash FROM audit WHERE room = NEW.room ORDER BY sequence DESC LIMIT 1), zeroblob(32))
  OR EXISTS (SELECT 1 FROM audit WHERE room = NEW.room AND session = NEW.session AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- What makes pseudonyms of subjects. Deleting the row makes them nobody's for ever.
CREATE TABLE room_key (
    room TEXT PRIMARY KEY NOT NULL,
    key  BLOB NOT NULL
) STRICT;

-- The session to wake after a restart. Erased when it ends.
CREATE TABLE session (
    room       TEXT    PRIMARY KEY NOT NULL,
    id         BLOB    NOT NULL,
    clock_ms   INTEGER NOT NULL,
    records    INTEGER NOT NULL,
    snapshot   TEXT    NOT NULL, -- JSON
    checksum   BLOB    NOT NULL, -- SHA-256 of the snapshot
    audit_head BLOB    NOT NULL  -- the hash of the room's last audit row at that moment
) STRICT;

-- What an ended session leaves to the next one of its room: who was denied, for some hours, and which tickets are spent.
CREATE TABLE legacy (
    room    TEXT    PRIMARY KEY NOT NULL,
    left_ms INTEGER NOT NULL, -- since 1970
    legacy  TEXT    NOT NULL  -- JSON
) STRICT;

-- Personal links. What a link stands for is sealed with a key made of its secret, which is not here: no names in the store.
CREATE TABLE link (
    id      BLOB PRIMARY KEY NOT NULL, -- made of the secret, one way
    room    TEXT NOT NULL,
    sealed  BLOB NOT NULL,
    browser BLOB                       -- who redeemed it first; made of its cookie and the secret, one way
) STRICT;

CREATE INDEX link_by_room ON link (room);
