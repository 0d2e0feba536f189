-- Books by double entry: what was posted stays, and nothing that is out of balance can be posted, whoever writes.
--
-- A transaction and its entries are written by one statement, since the checks look when a statement ends.

-- What amounts may be in, and with how many decimals: ISO 4217. More are added by plain SQL.
CREATE TABLE currency (
    code      text      PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
    decimals  smallint  NOT NULL CHECK (decimals BETWEEN 0 AND 8)
);

INSERT INTO currency (code, decimals)
SELECT code, 2
  FROM regexp_split_to_table(
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC'
    ' CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD'
    ' KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO'
    ' NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL'
    ' THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG', ' ') AS code
UNION ALL
SELECT code, 0
  FROM regexp_split_to_table('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF', ' ') AS code
UNION ALL
SELECT code, 3
  FROM regexp_split_to_table('BHD IQD JOD KWD LYD OMR TND', ' ') AS code;

CREATE TABLE account (
    tenant     text         NOT NULL,
    account    text         NOT NULL CHECK (account <> ''),
    opened_at  timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, account)
);

CREATE TABLE transaction (
    tenant          text         NOT NULL,
    -- Given by whoever made the transaction: what has the same one is the same transaction.
    transaction_id  text         NOT NULL CHECK (transaction_id <> ''),
    booked_on       date         NOT NULL,
    description     text,
    entry_count     integer      NOT NULL CHECK (entry_count >= 2),
    -- SHA-256 of the content: by it a repetition is told from a conflict.
    digest          text         NOT NULL CHECK (length(digest) = 64),
    -- The job that posted it, and the line of its file: by them a job knows its own work again.
    job_id          text         NOT NULL,
    line            bigint       NOT NULL,
    posted_at       timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, transaction_id)
);

CREATE TABLE entry (
    tenant          text      NOT NULL,
    transaction_id  text      NOT NULL,
    number          smallint  NOT NULL,
    account         text      NOT NULL,
    currency        text      NOT NULL REFERENCES currency,
    -- A debit is positive, a credit negative.
    amount          numeric   NOT NULL CHECK (amount <> 0 AND abs(amount) < 1e24),
    PRIMARY KEY (tenant, transaction_id, number),
    FOREIGN KEY (tenant, transaction_id) REFERENCES transaction,
    FOREIGN KEY (tenant, account) REFERENCES account
);

-- Balances are read by account.
CREATE INDEX entry_account ON entry (tenant, account, currency) INCLUDE (amount);

CREATE VIEW balance AS
SELECT tenant, account, currency, sum(amount) AS amount
  FROM entry
 GROUP BY tenant, account, currency;

-- What a file that is to be refused as a whole held so far, while it is looked through.
CREATE TABLE seen (
    job_id          text         NOT NULL,
    transaction_id  text         NOT NULL,
    digest          text         NOT NULL,
    line            bigint       NOT NULL,
    seen_at         timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, transaction_id)
);

CREATE INDEX seen_at ON seen (seen_at);

CREATE FUNCTION check_transactions() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT t.transaction_id INTO wrong
      FROM added t
     WHERE t.entry_count <> (SELECT count(*)
                               FROM agent_ledger_posting.entry e
                              WHERE e.tenant = t.tenant AND e.transaction_id = t.transaction_id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % has not the entries that it says', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_transactions AFTER INSERT ON transaction
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_transactions();

CREATE FUNCTION check_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    -- Of each transaction that got entries: all of its entries, not only those of this statement.
    SELECT t.transaction_id INTO wrong
      FROM (SELECT DISTINCT tenant, transaction_id FROM added) t
     CROSS JOIN LATERAL (SELECT count(*) AS entries
                           FROM agent_ledger_posting.entry e
                          WHERE e.tenant = t.tenant AND e.transaction_id = t.transaction_id) a
      JOIN agent_ledger_posting.transaction p USING (tenant, transaction_id)
     WHERE a.entries <> p.entry_count
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % is posted already', wrong USING ERRCODE = 'check_violation';
    END IF;

    SELECT e.transaction_id INTO wrong
      FROM added e
     GROUP BY e.tenant, e.transaction_id, e.currency
    HAVING sum(e.amount) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % is out of balance', wrong USING ERRCODE = 'check_violation';
    END IF;

    SELECT e.transaction_id INTO wrong
      FROM added e
      JOIN agent_ledger_posting.currency c ON c.code = e.currency
     WHERE scale(trim_scale(e.amount)) > c.decimals
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % has more decimals than its currency', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_entries AFTER INSERT ON entry
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_entries();

CREATE FUNCTION keep() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what is posted stays; correct it by another transaction' USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON transaction FOR EACH STATEMENT EXECUTE FUNCTION keep();
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON entry FOR EACH STATEMENT EXECUTE FUNCTION keep();
