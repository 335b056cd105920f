-- A row stays when its preset is removed, so that a version number never comes twice.
CREATE TABLE presets (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    newest INTEGER NOT NULL,
    description TEXT NOT NULL,
    is_removed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, name)
);

CREATE INDEX presets_kept ON presets (owner, name) WHERE is_removed = 0;

CREATE TABLE preset_versions (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    steps TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (owner, name, version),
    FOREIGN KEY (owner, name) REFERENCES presets (owner, name)
);
