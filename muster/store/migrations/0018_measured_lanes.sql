-- What the dispatcher measured last of each lane's queue, and a cheap way to what has just ended.

CREATE TABLE lane_depth (
    agent_id     text        NOT NULL,
    lane         text        NOT NULL,
    visible      integer     NOT NULL,
    in_flight    integer     NOT NULL,
    delayed      integer     NOT NULL,
    measured_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, lane)
);

-- Rows of one time lie together, so a few bytes for each 32 pages are enough; a row costs nothing to add.
CREATE INDEX agent_job_execution_completed ON agent_job_execution USING brin (completed_at)
    WITH (pages_per_range = 32, autosummarize = on);
