-- What the check works on: an account of the topics that shares no code with the job.
CREATE TABLE reject (
    topic TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset INTEGER NOT NULL,
    PRIMARY KEY (source_partition, source_offset)
) WITHOUT ROWID;

CREATE TABLE event (
    kind TEXT NOT NULL,       -- created, ignored, unreadable, or the topic that it was rejected to
    window_s INTEGER,         -- start of the window, seconds since 1970
    order_id TEXT,
    user_id TEXT,
    cents INTEGER,
    items INTEGER
);

-- Amounts of whole windows are decimals as text: their cents may not fit 64 bits.
CREATE TABLE result (
    window_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    revenue TEXT NOT NULL,
    items INTEGER NOT NULL,
    users INTEGER NOT NULL,
    average TEXT NOT NULL,
    revision INTEGER NOT NULL
);

-- One row: the windows looked at, and up to where they were closed by time.
CREATE TABLE span (
    from_s INTEGER NOT NULL,
    watermark_s INTEGER NOT NULL
);

CREATE TABLE expected (
    window_s INTEGER PRIMARY KEY,
    end_s INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    revenue TEXT NOT NULL,
    items INTEGER NOT NULL,
    users INTEGER NOT NULL,
    average TEXT NOT NULL
);

CREATE TABLE published (
    window_s INTEGER PRIMARY KEY,
    end_s INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    revenue TEXT NOT NULL,
    items INTEGER NOT NULL,
    users INTEGER NOT NULL,
    average TEXT NOT NULL
);
