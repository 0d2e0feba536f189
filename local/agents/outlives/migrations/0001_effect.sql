-- One row for each time that a job had its effect: nothing here keeps it from having it twice.

CREATE TABLE effect (
    job_id   text        NOT NULL,
    attempt  integer     NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
