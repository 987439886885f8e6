"""The tables of checkpoints and search as SQL text, for the second migration. Once released: never edit; changes are later migrations."""

from __future__ import annotations

CHECKPOINT_SCHEMA = (
    """
    create table notebook_path (
        path text not null,
        until_at integer not null,
        notebook_id integer not null references notebook on delete cascade,
        primary key (path, until_at, notebook_id)
    ) strict, without rowid
    """,
    "create index notebook_path_by_notebook on notebook_path (notebook_id, until_at)",
    """
    create table checkpoint (
        n integer primary key,
        id text not null unique,
        notebook_id integer not null references notebook,
        at integer not null,
        seen_at integer not null,
        reason text not null,
        message text,
        author text,
        parent_id text,
        run_id text,
        session_id text,
        unsaved integer not null default 0,
        format integer,
        minor integer,
        cells integer not null default 0,
        size_bytes integer not null default 0,
        state text not null,
        frame_sha256 text not null,
        manifest blob not null
    ) strict
    """,
    "create index checkpoint_by_notebook on checkpoint (notebook_id, at, n)",
    "create index checkpoint_by_state on checkpoint (state)",
    """
    create table checkpoint_run (
        run_id text not null,
        boundary text not null,
        checkpoint_n integer not null references checkpoint on delete cascade,
        primary key (run_id, boundary)
    ) strict, without rowid
    """,
    "create index checkpoint_run_by_checkpoint on checkpoint_run (checkpoint_n)",
    """
    create table cell_state (
        id integer primary key,
        notebook_id integer not null references notebook,
        hash blob not null,
        cell_id text,
        kind text not null,
        first_n integer not null,
        last_n integer,
        content text not null,
        unique (notebook_id, hash)
    ) strict
    """,
    "create index cell_state_by_cell on cell_state (notebook_id, cell_id)",
    """
    create table search_text (
        id integer primary key,
        hash blob unique,
        note_id integer,
        execution_id text,
        text text not null
    ) strict
    """,
    """
    create table cell_text (
        text_id integer not null references search_text on delete cascade,
        state_id integer not null references cell_state on delete cascade,
        position integer not null,
        primary key (text_id, state_id, position)
    ) strict, without rowid
    """,
    "create index cell_text_by_state on cell_text (state_id)",
    # The kind of a text is its id modulo 8: 0 code, 1 text, 2 output, 3 error, 4 note. So a search counts kinds without reading a row.
    """
    insert into search_text (id, note_id, text)
    select 8 * row_number() over (order by id) + 4, id, text from note where entity = 'run' order by id
    """,
    """
    insert into search_text (id, execution_id, text)
    select 8 * (row_number() over (order by newest) + (select count(*) from note)) + 3, newest, text from (
        select max(id) as newest, coalesce(error_type, '') || ': ' || coalesce(error_message, '') as text from execution
        where error_type is not null group by 2
    ) order by newest
    """,
)

# Where this SQLite has no FTS5 these wait for a process that has it; search reads the texts one by one meanwhile.
INDEX_SCHEMA = (
    """
    create virtual table search_index using fts5(
        text, content='search_text', content_rowid='id', tokenize="unicode61 remove_diacritics 2"
    )
    """,
    "insert into search_index (search_index) values ('rebuild')",
)
