-- Texts are looked for whatever the case, in every script, and on every database alike: the
-- locale that a database was made with may know no letters but a to z. So a collation of our own
-- folds case, of whichever provider the server has; where it has none that does, the database's.
DO $$
DECLARE
    provider text;
    folded boolean;
    collation_clause text := '';
    letters text := '$1';
BEGIN
    FOREACH provider IN ARRAY ARRAY[
        'provider = icu, locale = ''und''',
        'provider = builtin, locale = ''C.UTF-8''',
        'provider = libc, locale = ''C.utf8''',
        'provider = libc, locale = ''C.UTF-8'''
    ] LOOP
        BEGIN
            EXECUTE format('CREATE COLLATION satkeep_fold (%s)', provider);
            EXECUTE 'SELECT lower(chr(201) COLLATE satkeep_fold) = chr(233)' INTO folded;
            IF folded IS NOT TRUE THEN
                RAISE EXCEPTION 'it folds no letters beyond ASCII';
            END IF;
            collation_clause := ' COLLATE satkeep_fold';
            EXIT;
        EXCEPTION WHEN OTHERS THEN
            -- The server does not have it, or not for the encoding of this database.
            NULL;
        END;
    END LOOP;
    -- Letters whose lower case depends on their neighbours, or is not one letter, are taken for
    -- one: the dotted I for i, and all sigmas.
    IF getdatabaseencoding() = 'UTF8' THEN
        letters := 'translate($1, chr(304) || chr(931) || chr(962), ''i'' || chr(963) || chr(963))';
    END IF;
    EXECUTE format(
        'CREATE FUNCTION satkeep_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L',
        format('SELECT lower(%s%s)', letters, collation_clause)
    );
END
$$;

CREATE FUNCTION satkeep_contains(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT COALESCE(strpos(satkeep_fold($1), satkeep_fold($2)) > 0, false)';

-- SQLite breaks queries off by this; PostgreSQL has statement_timeout.
CREATE FUNCTION satkeep_in_time() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT true';
