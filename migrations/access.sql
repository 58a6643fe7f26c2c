-- Who may do what, on PostgreSQL. Runs at the end of every `growthctl migrate`, so that roles and an auth.users that
-- appear later are seen to as well, and brings about only what is missing. What the connected role may not do is left
-- out with a notice; a later migrate by one that may does it.

DO $access$
DECLARE
    ours      CONSTANT TEXT := current_schema();
    ours_oid  CONSTANT OID := to_regnamespace(quote_ident(ours));
    -- Of anybody else's rights nothing is changed.
    theirs    CONSTANT TEXT[] := ARRAY['anon', 'authenticated', 'service_role'];
    new_role  TEXT;
    step      TEXT;
    steps     TEXT[];
BEGIN
    -- A cluster has its roles in common, so another database may be making the same ones right now.
    FOREACH new_role IN ARRAY theirs LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = new_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', new_role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'growthctl: the role % is missing and may not be created by %', new_role, current_user;
        END;
    END LOOP;

    steps := ARRAY(
        WITH wanted (role_name, kind, object, privilege) AS (VALUES
            ('authenticated', 'SCHEMA', ours, 'USAGE'),
            ('authenticated', 'TABLE', 'events', 'SELECT'),
            ('authenticated', 'TABLE', 'usage_counters', 'SELECT'),
            ('authenticated', 'TABLE', 'payments', 'SELECT'),
            ('authenticated', 'FUNCTION', 'current_user_id', 'EXECUTE'),
            ('authenticated', 'FUNCTION', 'admin_sees_from', 'EXECUTE'),
            ('authenticated', 'FUNCTION', 'get_user_event_summary', 'EXECUTE'),
            ('service_role', 'SCHEMA', ours, 'USAGE'),
            ('service_role', 'TABLE', 'events', 'SELECT'),
            ('service_role', 'TABLE', 'events', 'INSERT'),
            ('service_role', 'TABLE', 'events', 'UPDATE'),
            ('service_role', 'TABLE', 'events', 'DELETE'),
            ('service_role', 'TABLE', 'usage_counters', 'SELECT'),
            ('service_role', 'TABLE', 'usage_counters', 'INSERT'),
            ('service_role', 'TABLE', 'usage_counters', 'UPDATE'),
            ('service_role', 'TABLE', 'usage_counters', 'DELETE'),
            ('service_role', 'TABLE', 'payments', 'SELECT'),
            ('service_role', 'TABLE', 'payments', 'INSERT'),
            ('service_role', 'TABLE', 'payments', 'UPDATE'),
            ('service_role', 'TABLE', 'payments', 'DELETE'),
            ('service_role', 'TABLE', 'users', 'SELECT'),
            ('service_role', 'FUNCTION', 'increment_usage_counter', 'EXECUTE'),
            ('service_role', 'FUNCTION', 'get_user_event_summary', 'EXECUTE')
        ), objects (kind, object, shown, acl) AS (
            SELECT 'SCHEMA', CAST(nspname AS TEXT), quote_ident(nspname), nspacl FROM pg_namespace WHERE oid = ours_oid
            UNION ALL
            SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname, format('%I.%I', ours, relname), relacl
            FROM pg_class WHERE relnamespace = ours_oid AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            UNION ALL
            SELECT 'FUNCTION', proname, CAST(CAST(oid AS REGPROCEDURE) AS TEXT), proacl
            FROM pg_proc WHERE pronamespace = ours_oid
        ), held (kind, object, shown, role_name, privilege) AS (
            SELECT kind, object, shown, CAST(rolname AS TEXT), privilege_type
            FROM objects CROSS JOIN aclexplode(acl) JOIN pg_roles ON pg_roles.oid = grantee
        -- An admin's are a range, and not a yes, so that the planner has a use for the index on user_id.
        ), policies (name, object, role_name, command, condition) AS (VALUES
            ('users_see_their_own', 'events', 'authenticated', 'SELECT', 'user_id = (SELECT current_user_id())'),
            ('users_see_their_own', 'usage_counters', 'authenticated', 'SELECT', 'user_id = (SELECT current_user_id())'),
            ('users_see_their_own', 'payments', 'authenticated', 'SELECT', 'user_id = (SELECT current_user_id())'),
            ('admins_see_all', 'events', 'authenticated', 'SELECT', 'user_id BETWEEN (SELECT admin_sees_from()) AND 9223372036854775807'),
            ('admins_see_all', 'usage_counters', 'authenticated', 'SELECT', 'user_id BETWEEN (SELECT admin_sees_from()) AND 9223372036854775807'),
            -- A payment may belong to nobody.
            ('admins_see_all', 'payments', 'authenticated', 'SELECT', 'user_id BETWEEN (SELECT admin_sees_from()) AND 9223372036854775807
                OR user_id IS NULL AND (SELECT admin_sees_from()) IS NOT NULL'),
            ('service_role_manages', 'events', 'service_role', 'ALL', 'true'),
            ('service_role_manages', 'usage_counters', 'service_role', 'ALL', 'true'),
            ('service_role_manages', 'payments', 'service_role', 'ALL', 'true')
        ), wide AS (
            -- Rights that somebody gave to all that is still to come, as guides to custom schemas say to.
            SELECT DISTINCT CAST(rolname AS TEXT) AS role_name,
                CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' ELSE 'FUNCTIONS' END AS kinds
            FROM pg_default_acl CROSS JOIN aclexplode(defaclacl) JOIN pg_roles ON pg_roles.oid = grantee
            WHERE defaclnamespace = ours_oid AND defaclrole = CAST(quote_ident(current_user) AS REGROLE)
                AND defaclobjtype IN ('r', 'S', 'f') AND rolname IN ('anon', 'authenticated')
        ), made (turn, sql) AS (
            -- Tables and partitions without a policy are closed to everybody but their owner, whatever is granted.
            SELECT 1, format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relname) FROM pg_class
            WHERE relnamespace = ours_oid AND relkind IN ('r', 'p') AND NOT relrowsecurity
            UNION ALL
            SELECT 2, format('CREATE POLICY %I ON %I FOR %s TO %I USING (%s)', name, object, command, role_name, condition)
            FROM policies WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) AND NOT EXISTS (
                SELECT FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
                WHERE relnamespace = ours_oid AND relname = object AND polname = name)
            UNION ALL
            SELECT 3, format('REVOKE %s ON %s %s FROM %I', privilege, kind, shown, role_name) FROM held
            WHERE role_name IN ('anon', 'authenticated')
                AND (role_name, kind, object, privilege) NOT IN (SELECT * FROM wanted)
            UNION ALL
            SELECT 3, format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON %s FROM %I', ours, kinds, role_name) FROM wide
            UNION ALL
            SELECT 4, format('GRANT %s ON %s %s TO %I', privilege, kind, shown, role_name)
            FROM wanted JOIN objects USING (kind, object)
            WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = role_name)
                AND (role_name, kind, object, privilege) NOT IN (SELECT role_name, kind, object, privilege FROM held)
        )
        SELECT sql FROM made ORDER BY turn, sql);
    FOREACH step IN ARRAY steps LOOP
        BEGIN
            EXECUTE step;
        EXCEPTION WHEN insufficient_privilege OR undefined_object OR duplicate_object THEN
            RAISE NOTICE 'growthctl: left out: % (%)', step, SQLERRM;
        END;
    END LOOP;
END $access$;

DO $mirror$
DECLARE
    source CONSTANT OID := (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'auth' AND c.relname = 'users' AND c.relkind IN ('r', 'p')
            AND 3 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid
                AND a.attname IN ('id', 'email', 'created_at') AND NOT a.attisdropped));
    -- Those who are missing or differ, but for people who were forgotten.
    copy CONSTANT TEXT := $copy$
        WITH changed AS MATERIALIZED (
            SELECT CAST(theirs.id AS TEXT) AS id, NULLIF(theirs.email, '') AS email,
                COALESCE(theirs.created_at, known.created_at, clock_timestamp()) AS created_at
            FROM auth.users theirs LEFT JOIN users known ON known.external_id = CAST(theirs.id AS TEXT)
            WHERE known.id IS NULL OR known.known_from_events OR known.created_at <> theirs.created_at
                OR NULLIF(theirs.email, '') <> COALESCE(known.email, '')
        ), written AS (
            INSERT INTO users AS u (external_id, email, created_at, known_from_events)
            SELECT id, email, created_at, false FROM changed
            WHERE NOT EXISTS (SELECT FROM users gone WHERE gone.external_id = forgotten_as(changed.id))
            ORDER BY id
            ON CONFLICT (external_id) DO UPDATE
                SET email = COALESCE(excluded.email, u.email), created_at = excluded.created_at, known_from_events = false
                WHERE u.erased_at IS NULL
            RETURNING u.id)
        INSERT INTO users_to_link (user_id) SELECT id FROM written ORDER BY id
        ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id$copy$;
    patience CONSTANT TEXT := current_setting('lock_timeout');
BEGIN
    IF source IS NULL THEN
        RETURN;
    END IF;
    BEGIN
        EXECUTE copy;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'growthctl: auth.users is not copied: %', SQLERRM;
    END;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = source AND tgname = 'growthctl_mirror') THEN
        RETURN;
    END IF;
    BEGIN
        -- Sign-ups wait while the trigger is made: not for long, and not for those who were there before.
        PERFORM set_config('lock_timeout', '5s', true);
        EXECUTE 'CREATE TRIGGER growthctl_mirror AFTER INSERT OR UPDATE OF email ON auth.users
            FOR EACH ROW EXECUTE FUNCTION mirror_auth_user()';
        EXECUTE copy;
        PERFORM set_config('lock_timeout', patience, true);
    EXCEPTION WHEN insufficient_privilege OR lock_not_available THEN
        RAISE NOTICE 'growthctl: auth.users has no trigger that keeps users like it: %', SQLERRM;
    END;
END $mirror$;
