-- What other clients of the database call, and how row level security knows who asks. Roles, rights, policies and the
-- mirror of auth.users depend on what else is in the database: migrations/access.sql sees to them after every migrate.

-- Every function keeps the path that is in force here, pg_temp last, so that nobody's temporary table stands in for ours.
SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- Whom the JWT names, in the words of Supabase and PostgREST. Nobody where it is missing or cannot be read.
CREATE FUNCTION jwt_user() RETURNS TEXT
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN NULLIF(COALESCE(
        NULLIF(current_setting('request.jwt.claim.sub', true), ''),
        CAST(NULLIF(current_setting('request.jwt.claims', true), '') AS JSON) ->> 'sub'), '');
EXCEPTION
    WHEN data_exception OR program_limit_exceeded THEN
        RETURN NULL;
END $$;

-- NULL for nobody, for a stranger, and for a person who was forgotten.
CREATE FUNCTION current_user_id() RETURNS BIGINT
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT id FROM users WHERE external_id = jwt_user() AND erased_at IS NULL
$$;

-- The lowest user_id that an admin sees; NULL for everybody else. A bound, not a yes, so that a policy has a use for the
-- index on user_id.
CREATE FUNCTION admin_sees_from() RETURNS BIGINT
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT CAST('-9223372036854775808' AS BIGINT) FROM users
    WHERE external_id = jwt_user() AND erased_at IS NULL AND is_admin
$$;

-- Whether a function's caller is a signed-in user or a visitor of the application. The setting `role` tells who called
-- even inside of a function that has its owner's rights.
CREATE FUNCTION asks_as_user() RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT FROM pg_roles u WHERE u.rolname IN ('anon', 'authenticated') AND pg_has_role(r.oid, u.oid, 'MEMBER'))
        AND NOT r.rolsuper AND NOT r.rolbypassrls
        AND NOT EXISTS (SELECT FROM pg_roles s WHERE s.rolname IN ('service_role', current_user) AND pg_has_role(r.oid, s.oid, 'USAGE'))
    FROM pg_roles r
    WHERE r.rolname = COALESCE(NULLIF(current_setting('role', true), 'none'), CAST(session_user AS TEXT))
$$;

-- What external_id a person has who was forgotten under this id.
CREATE FUNCTION forgotten_as(p_user TEXT) RETURNS TEXT
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT 'erased:' || encode(sha256(convert_to(value || p_user, 'UTF8')), 'hex') FROM settings WHERE key = 'erasure_salt'
$$;

-- Adds to a user's counters. A message id that came before from the same source is not counted again, and neither is a
-- person who was forgotten; returns whether it was counted.
CREATE FUNCTION increment_usage_counter(
    p_user                TEXT,
    p_date                DATE,
    p_app                 TEXT,
    p_enrichments         BIGINT DEFAULT 0,
    p_searches            BIGINT DEFAULT 0,
    p_exports             BIGINT DEFAULT 0,
    p_pitches_generated   BIGINT DEFAULT 0,
    p_emails_sent         BIGINT DEFAULT 0,
    p_campaigns_created   BIGINT DEFAULT 0,
    p_contacts_added      BIGINT DEFAULT 0,
    p_sessions            BIGINT DEFAULT 0,
    p_session_duration_ms BIGINT DEFAULT 0,
    p_message_id          TEXT DEFAULT NULL,
    p_source              TEXT DEFAULT 'sql'
) RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    counted_at CONSTANT TIMESTAMPTZ := clock_timestamp();
    last_day   CONSTANT DATE := CAST(counted_at AT TIME ZONE 'UTC' AS DATE) + 1;
    seen_at    TIMESTAMPTZ;
    who        BIGINT;
    problem    TEXT;
BEGIN
    SELECT what INTO problem FROM (VALUES
        (1, p_user IS NULL OR p_user = '', 'p_user is empty'),
        (2, octet_length(p_user) > 255, format('p_user has %s bytes: it may have 255', octet_length(p_user))),
        (3, p_app IS NULL, 'p_app is missing'),
        (4, octet_length(p_app) > 255, format('p_app has %s bytes: it may have 255', octet_length(p_app))),
        (5, p_date IS NULL OR p_date NOT BETWEEN DATE '2000-01-01' AND last_day,
            format('p_date is %s: it has to be from the year 2000 to %s', p_date, last_day)),
        (6, p_source IS NULL OR octet_length(p_source) > 255, 'p_source is missing or has more than 255 bytes'),
        (7, p_message_id = '' OR octet_length(p_message_id) > 255, 'p_message_id is empty or has more than 255 bytes')
    ) AS checked (number, broken, what) WHERE broken ORDER BY number LIMIT 1;
    IF problem IS NULL THEN
        SELECT format('%s is %s: it has to be from 0 to 1000000000000', name, COALESCE(CAST(increment AS TEXT), 'missing'))
        INTO problem FROM (VALUES
            ('p_enrichments', p_enrichments), ('p_searches', p_searches), ('p_exports', p_exports),
            ('p_pitches_generated', p_pitches_generated), ('p_emails_sent', p_emails_sent),
            ('p_campaigns_created', p_campaigns_created), ('p_contacts_added', p_contacts_added),
            ('p_sessions', p_sessions), ('p_session_duration_ms', p_session_duration_ms)
        ) AS given (name, increment) WHERE (increment BETWEEN 0 AND 1000000000000) IS NOT TRUE LIMIT 1;
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem;
    END IF;
    -- Users have no right to call this. Should they be given it by a GRANT on everything, or reach it through a function
    -- of the application's, they count for nobody but themselves.
    IF asks_as_user() AND p_user IS DISTINCT FROM jwt_user() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'a user may count only for oneself';
    END IF;

    IF EXISTS (SELECT FROM users WHERE external_id = forgotten_as(p_user)) THEN
        RETURN false;
    END IF;
    IF p_message_id IS NOT NULL THEN
        INSERT INTO event_receipts (source, message_id, received_at) VALUES (p_source, p_message_id, counted_at)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;

    seen_at := LEAST((p_date + TIME '12:00') AT TIME ZONE 'UTC', counted_at);
    -- The lock waits for whoever is about to forget this person.
    SELECT id INTO who FROM users
    WHERE external_id = p_user AND erased_at IS NULL AND NOT (known_from_events AND created_at > seen_at)
    FOR KEY SHARE;
    IF NOT FOUND THEN
        BEGIN
            INSERT INTO users AS u (external_id, created_at, known_from_events) VALUES (p_user, seen_at, true)
            ON CONFLICT (external_id) DO UPDATE
                SET created_at = CASE WHEN u.known_from_events THEN LEAST(u.created_at, seen_at) ELSE u.created_at END
                WHERE u.erased_at IS NULL
            RETURNING id INTO who;
            -- Whoever forgot this person since the first look has committed by now, and is seen.
            IF who IS NULL OR EXISTS (SELECT FROM users WHERE external_id = forgotten_as(p_user)) THEN
                RAISE EXCEPTION USING ERRCODE = 'GR001';
            END IF;
        EXCEPTION WHEN SQLSTATE 'GR001' THEN
            RETURN false;
        END;
        INSERT INTO users_to_link (user_id) VALUES (who)
        ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id;
    END IF;

    INSERT INTO usage_counters AS c (
        user_id, date, app_name, enrichments, searches, exports, pitches_generated, emails_sent,
        campaigns_created, contacts_added, sessions, session_duration_ms, updated_at)
    VALUES (
        who, p_date, p_app, p_enrichments, p_searches, p_exports, p_pitches_generated, p_emails_sent,
        p_campaigns_created, p_contacts_added, p_sessions, p_session_duration_ms, counted_at)
    ON CONFLICT (user_id, date, app_name) DO UPDATE SET
        enrichments = c.enrichments + excluded.enrichments,
        searches = c.searches + excluded.searches,
        exports = c.exports + excluded.exports,
        pitches_generated = c.pitches_generated + excluded.pitches_generated,
        emails_sent = c.emails_sent + excluded.emails_sent,
        campaigns_created = c.campaigns_created + excluded.campaigns_created,
        contacts_added = c.contacts_added + excluded.contacts_added,
        sessions = c.sessions + excluded.sessions,
        session_duration_ms = c.session_duration_ms + excluded.session_duration_ms,
        updated_at = GREATEST(c.updated_at, excluded.updated_at);
    RETURN true;
END $$;

-- What a user did in the last p_days times 24 hours, by event, as far as raw events are kept. Users learn about
-- themselves only, admins and servers about anybody.
CREATE FUNCTION get_user_event_summary(p_user TEXT, p_days INTEGER DEFAULT 30)
RETURNS TABLE (event_name TEXT, events BIGINT, successes BIGINT, failures BIGINT, last_at TIMESTAMPTZ)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF asks_as_user() AND p_user IS DISTINCT FROM jwt_user() AND admin_sees_from() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'a user may ask only about oneself';
    END IF;
    IF (p_days BETWEEN 1 AND 36500) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('p_days is %s: it has to be from 1 to 36500', COALESCE(CAST(p_days AS TEXT), 'missing'));
    END IF;
    RETURN QUERY
        SELECT e.event_name, count(*), count(*) FILTER (WHERE e.status = 'success'),
            count(*) FILTER (WHERE e.status = 'failed'), max(e.created_at)
        FROM users u JOIN events e ON e.user_id = u.id
        WHERE u.external_id = p_user AND u.erased_at IS NULL
            AND e.created_at >= now() - make_interval(hours => 24 * p_days)
        GROUP BY e.event_name ORDER BY count(*) DESC, e.event_name;
END $$;

-- Keeps users like Supabase's auth.users. A sign-up neither fails nor waits for it; the next migrate brings in who was missed.
CREATE FUNCTION mirror_auth_user() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    who BIGINT;
BEGIN
    IF NOT EXISTS (SELECT FROM users WHERE external_id = forgotten_as(CAST(NEW.id AS TEXT))) THEN
        INSERT INTO users AS u (external_id, email, created_at, known_from_events)
        VALUES (CAST(NEW.id AS TEXT), NULLIF(NEW.email, ''), COALESCE(NEW.created_at, clock_timestamp()), false)
        ON CONFLICT (external_id) DO UPDATE
            SET email = COALESCE(excluded.email, u.email),
                created_at = COALESCE(NEW.created_at, u.created_at),
                known_from_events = false
            WHERE u.erased_at IS NULL AND (u.email, u.created_at, u.known_from_events) IS DISTINCT FROM
                (COALESCE(excluded.email, u.email), COALESCE(NEW.created_at, u.created_at), false)
        RETURNING id INTO who;
        -- Whoever forgot the person while this waited has committed by now.
        IF who IS NOT NULL AND EXISTS (SELECT FROM users WHERE external_id = forgotten_as(CAST(NEW.id AS TEXT))) THEN
            DELETE FROM users WHERE id = who;
            who := NULL;
        END IF;
        IF who IS NOT NULL THEN
            INSERT INTO users_to_link (user_id) VALUES (who)
            ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id;
        END IF;
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'growthctl has not taken user % in; the next `growthctl migrate` does: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;

-- Whoever may call one is told so in access.sql.
DO $$ BEGIN
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', current_schema());
    PERFORM set_config('search_path', quote_ident(current_schema()), true);
END $$;
