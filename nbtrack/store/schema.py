"""The tables of the first release as SQL text, for the first migration. Released: never edit this; later changes are later migrations."""

from __future__ import annotations

FIRST_SCHEMA = (
    """
    create table notebook (
        id integer primary key,
        path text not null unique,
        first_at integer not null,
        last_at integer not null
    ) strict
    """,
    """
    create table session (
        id text primary key,
        kind text not null,
        kernel_id text,
        notebook_id integer references notebook,
        cwd text,
        user text,
        host text,
        pid integer,
        boot text,
        python text,
        nbtrack text,
        environment_id text,
        journal text not null,
        started_at integer not null,
        ended_at integer,
        ended_how text
    ) strict, without rowid
    """,
    "create index session_by_time on session (started_at, id)",
    "create index session_by_journal on session (journal)",
    """
    create table execution (
        id text primary key,
        session_id text not null,
        seq integer not null,
        count integer,
        cell_id text,
        notebook_id integer references notebook,
        source_sha256 text,
        source_hash text not null,
        status text not null,
        started_at integer,
        duration_us integer,
        cpu_us integer,
        peak_memory_bytes integer,
        error_type text,
        error_message text,
        before_recording integer not null default 0,
        journal text not null
    ) strict, without rowid
    """,
    "create index execution_by_session on execution (session_id, seq, id)",
    "create index execution_open on execution (journal) where status = 'running'",
    """
    create table output (
        execution_id text not null references execution on delete cascade,
        position integer not null,
        kind text not null,
        mime text not null,
        size_bytes integer not null,
        sha256 text,
        truncated integer not null default 0,
        display_id text,
        primary key (execution_id, position)
    ) strict, without rowid
    """,
    """
    create table experiment (
        id integer primary key,
        name text not null unique,
        last_number integer not null default 0,
        first_at integer not null
    ) strict
    """,
    """
    create table run (
        id text primary key,
        experiment_id integer references experiment,
        number integer,
        name text,
        named integer not null default 0,
        origin text not null,
        state text not null,
        hidden integer not null default 0,
        notebook_id integer references notebook,
        session_id text,
        execution_id text,
        parent_id text,
        environment_id text,
        user text,
        started_at integer not null,
        started_us integer,
        ended_at integer,
        duration_us integer,
        error_type text,
        error_message text,
        stopped integer not null default 1,
        code_hash text,
        config_hash text,
        data_hash text,
        environment_hash text,
        merged_into text,
        journal text
    ) strict, without rowid
    """,
    "create index run_by_time on run (hidden, started_at, id)",
    "create unique index run_by_number on run (experiment_id, number)",
    "create index run_by_name on run (name)",
    "create index run_by_notebook on run (notebook_id, hidden, started_at, id)",
    "create index run_by_state on run (hidden, state, started_at, id)",
    "create index run_by_duration on run (duration_us, id)",
    "create index run_open on run (journal) where state = 'running'",
    """
    create table run_execution (
        run_id text not null references run on delete cascade,
        execution_id text not null,
        primary key (run_id, execution_id)
    ) strict, without rowid
    """,
    "create index run_execution_by_execution on run_execution (execution_id)",
    """
    create table param (
        run_id text not null references run on delete cascade,
        name text not null,
        value text not null,
        number real,
        source text not null,
        confidence real not null,
        execution_id text,
        marked text,
        at integer not null,
        primary key (run_id, name)
    ) strict, without rowid
    """,
    "create index param_by_name on param (name, number, run_id)",
    """
    create table metric (
        id integer primary key,
        run_id text not null references run on delete cascade,
        key text not null,
        protocol text not null default '',
        data text not null default '',
        line_id integer,
        count integer not null default 0,
        nan_count integer not null default 0,
        repeated integer not null default 0,
        last real,
        last_exact text,
        last_step integer,
        last_at integer,
        first_step integer,
        minimum real,
        min_step integer,
        maximum real,
        max_step integer,
        total real,
        text text,
        text_step integer,
        unique (run_id, key, protocol, data)
    ) strict
    """,
    "create index metric_by_key on metric (key, last, run_id)",
    """
    create table metric_line (
        id integer primary key,
        run_id text not null references run on delete cascade,
        keys text not null,
        retired integer not null default 0,
        raw_blocks integer not null default 0,
        raw_points integer not null default 0,
        unique (run_id, keys)
    ) strict
    """,
    """
    create table metric_block (
        id integer primary key,
        line_id integer not null references metric_line on delete cascade,
        count integer not null,
        first_step integer not null,
        last_step integer not null,
        axis blob not null,
        body blob
    ) strict
    """,
    "create index metric_block_by_line on metric_block (line_id, id)",
    """
    create table metric_chunk (
        id integer primary key,
        block_id integer not null references metric_block on delete cascade,
        metric_id integer not null references metric on delete cascade,
        body blob not null
    ) strict
    """,
    "create unique index metric_chunk_by_block on metric_chunk (block_id, metric_id)",
    "create index metric_chunk_by_metric on metric_chunk (metric_id)",
    """
    create table tag (
        entity text not null,
        entity_id text not null,
        key text not null,
        value text not null,
        at integer not null,
        primary key (entity, entity_id, key)
    ) strict, without rowid
    """,
    "create index tag_by_key on tag (key, value, entity_id)",
    """
    create table note (
        id integer primary key,
        entity text not null,
        entity_id text not null,
        text text not null,
        author text,
        at integer not null
    ) strict
    """,
    "create index note_by_entity on note (entity, entity_id, at, id)",
    """
    create table artifact (
        id text primary key,
        run_id text not null references run on delete cascade,
        name text not null,
        kind text not null,
        mime text not null,
        size_bytes integer not null,
        sha256 text not null,
        execution_id text,
        source_path text,
        state text not null,
        at integer not null
    ) strict, without rowid
    """,
    "create index artifact_by_run on artifact (run_id, at, id)",
    """
    create table environment (
        id text primary key,
        python text not null,
        platform text not null,
        packages text not null,
        git text,
        facts text not null,
        at integer not null
    ) strict, without rowid
    """,
    """
    create table blob (
        id integer primary key,
        sha256 text not null unique,
        size_bytes integer not null,
        stored_bytes integer not null,
        encoding text not null,
        body blob
    ) strict
    """,
    """
    create table rule (
        key text not null,
        experiment text not null default '',
        direction text not null,
        at integer not null,
        primary key (key, experiment)
    ) strict, without rowid
    """,
    """
    create table source (
        name text primary key,
        journal text not null,
        generation integer not null,
        folder text not null,
        offset integer not null default 0,
        anchor_wall integer not null default 0,
        anchor_us integer not null default 0,
        last_us integer not null default 0,
        host text,
        boot text,
        pid integer,
        user text,
        python text,
        nbtrack text,
        damaged integer not null default 0,
        undecodable integer not null default 0,
        final text,
        finished integer not null default 0,
        silent integer not null default 0
    ) strict, without rowid
    """,
    "create index source_by_journal on source (journal, generation)",
)
