PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;

CREATE TABLE IF NOT EXISTS warehouse (warehouse_code TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS item (
    owner_code TEXT NOT NULL,
    item_code TEXT NOT NULL,
    unit TEXT NOT NULL,
    is_batch_mgmt TEXT NOT NULL,
    is_valid TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (owner_code, item_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stock (
    warehouse_code TEXT NOT NULL,
    owner_code TEXT NOT NULL,
    item_code TEXT NOT NULL,
    inventory_type TEXT NOT NULL,
    on_hand INTEGER NOT NULL,
    PRIMARY KEY (warehouse_code, owner_code, item_code, inventory_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS script (
    scope TEXT NOT NULL,
    code TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    PRIMARY KEY (scope, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS instruction (
    id INTEGER PRIMARY KEY,
    owner_code TEXT NOT NULL,
    order_no TEXT NOT NULL,
    leg TEXT NOT NULL,
    interface TEXT NOT NULL,
    order_type TEXT NOT NULL,
    warehouse_code TEXT NOT NULL,
    platform_order_no TEXT NOT NULL,
    head TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_line INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    due_at TEXT,
    face TEXT NOT NULL,
    UNIQUE (owner_code, order_no, leg)
) STRICT;
CREATE INDEX IF NOT EXISTS instruction_due ON instruction (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS instruction_file ON instruction (file_name);
CREATE INDEX IF NOT EXISTS instruction_open ON instruction (leg) WHERE state IN ('NEW', 'PART_DONE');

CREATE TABLE IF NOT EXISTS instruction_line (
    instruction_id INTEGER NOT NULL REFERENCES instruction,
    line_no INTEGER NOT NULL,
    item_code TEXT NOT NULL,
    inventory_type TEXT NOT NULL,
    plan_qty INTEGER NOT NULL,
    done_qty INTEGER NOT NULL,
    batch_code TEXT NOT NULL,
    platform_sub_order_no TEXT NOT NULL,
    file_line INTEGER NOT NULL,
    PRIMARY KEY (instruction_id, line_no)
) STRICT, WITHOUT ROWID;

-- An instruction that came again: kind is same, changed or refused.
CREATE TABLE IF NOT EXISTS repeat (
    owner_code TEXT NOT NULL,
    order_no TEXT NOT NULL,
    leg TEXT NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_line INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT;

-- file_name stays empty until the actual is in a well-formed file.
CREATE TABLE IF NOT EXISTS actual (
    id INTEGER PRIMARY KEY,
    owner_code TEXT NOT NULL,
    order_no TEXT NOT NULL,
    leg TEXT NOT NULL,
    interface TEXT NOT NULL,
    out_biz_code TEXT NOT NULL,
    booked_at TEXT NOT NULL,
    document TEXT NOT NULL,
    face TEXT NOT NULL,
    file_name TEXT NOT NULL DEFAULT '',
    file_line INTEGER,
    UNIQUE (owner_code, out_biz_code)
) STRICT;
CREATE INDEX IF NOT EXISTS actual_order ON actual (owner_code, order_no);
CREATE INDEX IF NOT EXISTS actual_unwritten ON actual (face, interface, owner_code) WHERE file_name = '';

CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY,
    face TEXT NOT NULL DEFAULT 'folder',
    direction TEXT NOT NULL,
    name TEXT NOT NULL,
    interface TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL,
    status TEXT NOT NULL,
    handled_at TEXT NOT NULL,
    damage TEXT NOT NULL DEFAULT '',
    ack TEXT,
    content BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS file_content ON file (face, direction, sha256);
CREATE INDEX IF NOT EXISTS file_name ON file (face, direction, name);

-- Times are Asia/Shanghai wall clock, as the WebAPI shows and filters them. `head` and `fields` are JSON objects by key:
-- base data by number, decimals as text.
CREATE TABLE IF NOT EXISTS bill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    form TEXT NOT NULL,
    bill_no TEXT NOT NULL,
    status TEXT NOT NULL,
    head TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    approved_at TEXT,
    is_allocated INTEGER NOT NULL DEFAULT 0,
    is_forbidden INTEGER NOT NULL DEFAULT 0,
    UNIQUE (form, bill_no)
) STRICT;
CREATE INDEX IF NOT EXISTS bill_approved ON bill (form, approved_at);
CREATE INDEX IF NOT EXISTS bill_content ON bill (content);

CREATE TABLE IF NOT EXISTS bill_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bill_id INTEGER NOT NULL REFERENCES bill,
    seq INTEGER NOT NULL,
    fields TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS bill_entry_of ON bill_entry (bill_id, seq);

-- Every call that was answered or should have been; refused is the MsgCode, 0 when it was not.
CREATE TABLE IF NOT EXISTS bill_call (
    operation TEXT NOT NULL,
    form TEXT NOT NULL,
    bill_no TEXT NOT NULL,
    refused INTEGER NOT NULL,
    field TEXT NOT NULL,
    called_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS bill_call_of ON bill_call (form, bill_no);

INSERT INTO sqlite_sequence (name, seq)
SELECT name, 100000 FROM sqlite_schema
WHERE name IN ('bill', 'bill_entry') AND NOT EXISTS (SELECT 1 FROM sqlite_sequence);
