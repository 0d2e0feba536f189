-- Logins of components. Commands that take no parameters are made here, with every name and value quoted by Postgres.

-- name: login_commands
-- What makes a login, or gives it another password, and lets it have the rights of its group and nothing else. The password
-- comes as its verifier: what stands in the server's log lets nobody in.
SELECT format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = %(login)s) THEN 'ALTER' ELSE 'CREATE' END
              || ' ROLE %%I LOGIN PASSWORD %%L', %(login)s, %(verifier)s),
       CASE WHEN NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
                              WHERE g.rolname = %(group)s AND l.rolname = %(login)s)
            THEN format('GRANT %%I TO %%I', %(group)s, %(login)s) END;

-- name: take_turn
-- Waits for whoever keeps the stage's logins just now.
SELECT pg_advisory_lock(hashtextextended('muster:logins:' || %(stage)s, 0));

-- name: end_turn
-- Lets the next one.
SELECT pg_advisory_unlock(hashtextextended('muster:logins:' || %(stage)s, 0));
