-- What was read of each feed last, and every item once.

CREATE TABLE feed (
    tenant        text        NOT NULL,
    url           text        NOT NULL,
    title         text,
    etag          text,       -- sent back as they came, so that a feed without news costs a few bytes
    last_modified text,
    read_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, url)
);

CREATE TABLE item (
    tenant       text        NOT NULL,
    feed_url     text        NOT NULL,
    item_key     text        NOT NULL,   -- SHA-256 of what the feed calls it
    item_id      text        NOT NULL,
    title        text,
    link         text,
    author       text,
    summary      text,
    published_at timestamptz,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    batch        uuid        NOT NULL,   -- items that were stored together
    PRIMARY KEY (tenant, feed_url, item_key)
);

CREATE INDEX item_batch ON item (batch);
CREATE INDEX item_newest ON item (tenant, stored_at);

-- That a URL is to be told of the items of a batch.
CREATE TABLE notification (
    batch        uuid        PRIMARY KEY,
    tenant       text        NOT NULL,
    feed_url     text        NOT NULL,
    notify_url   text        NOT NULL,
    owed_since   timestamptz NOT NULL DEFAULT now(),
    holder       uuid,                   -- who tells now
    held_until   timestamptz,
    notified_at  timestamptz
);

CREATE INDEX notification_owed ON notification (tenant, feed_url) WHERE notified_at IS NULL;
