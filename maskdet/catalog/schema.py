"""The tables of a data set's ledger, and how an older ledger is brought up to date."""

MIGRATIONS = (
    """
    CREATE TABLE images (
        id INTEGER PRIMARY KEY,
        path TEXT UNIQUE,                  -- below the root, with '/'; NULL: no longer there
        sha256 TEXT NOT NULL,              -- of the file's bytes, in hexadecimal
        format TEXT NOT NULL,              -- JPEG, PNG, ...
        width INTEGER NOT NULL,            -- of the upright picture, in pixels
        height INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        added TEXT NOT NULL,               -- UTC, ISO 8601
        status TEXT NOT NULL DEFAULT 'kept'
            CHECK (status IN ('kept', 'duplicate', 'forgotten')),
        duplicate_of INTEGER REFERENCES images (id) ON DELETE SET NULL
    );
    CREATE INDEX images_sha256 ON images (sha256);
    CREATE INDEX images_duplicate ON images (duplicate_of);

    CREATE TABLE sources (                 -- every address that was tried, once
        url TEXT PRIMARY KEY,
        host TEXT NOT NULL,
        page_url TEXT,                     -- the page that shows the picture
        title TEXT,
        phrase TEXT NOT NULL,              -- what was searched for
        class TEXT NOT NULL,
        rank INTEGER,                      -- place among the results, from 1
        licence TEXT,                      -- the licence filter of the search
        filters TEXT NOT NULL DEFAULT '{}',-- all filters of the search, JSON
        tried TEXT NOT NULL,               -- UTC, ISO 8601
        outcome TEXT NOT NULL,             -- 'saved', 'same', or what kept it from being saved
        reason TEXT,                       -- in words
        image_id INTEGER REFERENCES images (id) ON DELETE SET NULL
    );
    CREATE INDEX sources_image ON sources (image_id);
    CREATE INDEX sources_phrase ON sources (class, phrase, outcome);

    CREATE TABLE hashes (                  -- a cache: what dedup computed of a file
        path TEXT NOT NULL,                -- below the root, with '/'
        kind TEXT NOT NULL,                -- algorithm and sizes, e.g. 'phash8 of 80 px'
        bytes INTEGER NOT NULL,            -- of the file when it was hashed
        mtime_ns INTEGER NOT NULL,
        value BLOB NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        sharpness REAL NOT NULL,
        PRIMARY KEY (path, kind)
    );

    CREATE TABLE aside (                   -- what dedup set aside, and why
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL,                 -- UTC, ISO 8601: one value a run
        image_id INTEGER REFERENCES images (id) ON DELETE SET NULL,
        path TEXT NOT NULL,                -- where the file was, below the root
        moved_to TEXT,                     -- where it is now, from the root; NULL: deleted, linked
        kept TEXT NOT NULL,                -- the picture that stays, below the root
        action TEXT NOT NULL CHECK (action IN ('move', 'delete', 'link')),
        distance INTEGER NOT NULL,         -- Hamming distance to the one that stays
        reason TEXT NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX aside_undone ON aside (undone);

    CREATE TABLE crops (                   -- which face of which picture a crop shows
        path TEXT PRIMARY KEY,             -- below the root, with '/'
        image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        object INTEGER NOT NULL,           -- its place in the picture's VOC file, from 0
        label TEXT NOT NULL,
        x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
        made TEXT NOT NULL                 -- UTC, ISO 8601
    );
    CREATE INDEX crops_image ON crops (image_id);

    CREATE TABLE forgotten (               -- what must never be fetched again
        kind TEXT NOT NULL CHECK (kind IN ('url', 'domain', 'sha256')),
        value TEXT NOT NULL,
        time TEXT NOT NULL,                -- UTC, ISO 8601
        PRIMARY KEY (kind, value)
    );
    """,
    """
    ALTER TABLE images ADD COLUMN first_sha256 TEXT;  -- of a file that was edited, as it came
    """,
)
"""The script that leads from schema version ``i`` to ``i + 1``. Never change one that has been
released: add another."""
