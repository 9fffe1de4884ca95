-- What the host asks before it runs anything: am I who I should be, is everything there, whose app is this?
-- Runs with the rights of the caller, since these are the question; answers even where a table or a grant is missing.

create or replace function public.host_selfcheck(run_mode text, user_id uuid default null, fly_app_name text default null)
    returns jsonb language plpgsql stable set search_path = '' as $$
declare
    -- The columns that the host reads or writes, by table.
    used constant jsonb := '{
        "traders": ["id", "name", "enabled", "user_id", "is_built_in", "ownership_type", "filter", "version",
            "created_at", "updated_at", "module_sha256", "params", "enabled_at", "disabled_at"],
        "signals": ["id", "trader_id", "user_id", "symbol", "interval", "timestamp", "price_at_signal",
            "change_percent_at_signal", "volume_at_signal", "count", "source", "fly_app_id", "indicator_data",
            "metadata", "created_at", "tag", "provenance"],
        "historical_signals": ["id", "trader_id", "user_id", "symbol", "interval", "timestamp", "price_at_signal",
            "change_percent_at_signal", "volume_at_signal", "count", "source", "fly_app_id", "indicator_data",
            "metadata", "created_at", "tag", "provenance"],
        "trader_modules": ["id", "sha256", "user_id", "size_bytes", "abi", "sdk", "name", "manifest", "created_at"],
        "trader_state": ["trader_id", "state", "started_at", "stopped_at", "last_run_at", "last_error", "error_count",
            "signal_count", "execution_count", "avg_execution_duration_ms", "machine_id", "metadata", "updated_at"],
        "user_fly_apps": ["id", "user_id", "fly_app_name", "status", "deleted_at"],
        "trader_contradictions": ["id", "name", "reason"]
    }';
    needed constant jsonb := '{
        "traders": ["SELECT", "INSERT", "UPDATE"],
        "signals": ["SELECT", "INSERT"],
        "historical_signals": ["SELECT", "INSERT"],
        "trader_modules": ["SELECT", "INSERT"],
        "trader_state": ["SELECT", "INSERT", "UPDATE"],
        "user_fly_apps": ["SELECT"],
        "trader_contradictions": ["SELECT"]
    }';
    missing jsonb;
    missing_grants jsonb;
    bucket jsonb;
    apps jsonb;
    traders jsonb;
begin
    select coalesce(jsonb_agg(m.name order by m.name), '[]') into missing
    from (
        select t.name from jsonb_object_keys(used) as t (name) where to_regclass('public.' || t.name) is null
        union all
        select t.name || '.' || c.name
        from jsonb_each(used) as t (name, columns), jsonb_array_elements_text(t.columns) as c (name)
        where to_regclass('public.' || t.name) is not null and not exists (
            select from pg_catalog.pg_attribute a
            where a.attrelid = to_regclass('public.' || t.name) and a.attname = c.name and not a.attisdropped
        )
    ) as m;

    select coalesce(jsonb_agg(g.name order by g.name), '[]') into missing_grants
    from (
        select t.name || ': ' || p.name as name
        from jsonb_each(needed) as t (name, privileges), jsonb_array_elements_text(t.privileges) as p (name)
        where to_regclass('public.' || t.name) is not null
            and not has_table_privilege(to_regclass('public.' || t.name), p.name)
    ) as g;

    -- Asked only where it cannot fail: an error here would hide everything else that was found.
    if to_regclass('storage.buckets') is not null then
        if has_schema_privilege('storage', 'USAGE') and has_table_privilege('storage.buckets', 'SELECT') then
            execute $q$
                select jsonb_build_object('exists', count(*) > 0, 'public', coalesce(bool_or(public), false))
                from storage.buckets where id = 'trader-modules'
            $q$ into bucket;
        else
            missing_grants := missing_grants || '["storage.buckets: SELECT"]';
        end if;
    end if;

    if to_regclass('public.user_fly_apps') is not null and has_table_privilege('public.user_fly_apps', 'SELECT')
        and not missing ?| array['user_fly_apps.id', 'user_fly_apps.user_id', 'user_fly_apps.fly_app_name',
            'user_fly_apps.status', 'user_fly_apps.deleted_at']
    then
        execute $q$
            select coalesce(jsonb_agg(jsonb_build_object(
                'id', a.id, 'user_id', a.user_id, 'fly_app_name', a.fly_app_name, 'status', a.status,
                'deleted_at', a.deleted_at
            ) order by a.id), '[]')
            from public.user_fly_apps a where a.fly_app_name = $1 or a.user_id = $2
        $q$ into apps using host_selfcheck.fly_app_name, host_selfcheck.user_id;
    end if;

    if to_regclass('public.traders') is not null and has_table_privilege('public.traders', 'SELECT')
        and not missing ?| array['traders.enabled', 'traders.user_id', 'traders.is_built_in']
    then
        execute $q$
            select jsonb_build_object(
                'total', count(*),
                'built_in', count(*) filter (where t.is_built_in),
                'of_user', count(*) filter (where t.user_id = $2),
                'enabled_owned', count(*) filter (where t.enabled and case $1
                    when 'shared_backend' then t.is_built_in and t.user_id is null
                    when 'user_dedicated' then t.user_id = $2 and not t.is_built_in
                end)
            )
            from public.traders t
        $q$ into traders using host_selfcheck.run_mode, host_selfcheck.user_id;
    end if;

    return jsonb_build_object(
        'role', current_user,
        'bypasses_rls', (select rolbypassrls or rolsuper from pg_catalog.pg_roles where rolname = current_user),
        'database_time', clock_timestamp(),
        'server_version', current_setting('server_version'),
        'missing', missing,
        'missing_grants', missing_grants,
        'signals_id_unique', exists (
            select from pg_catalog.pg_index i
            join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = to_regclass('public.signals') and i.indisunique and i.indisvalid
                and i.indpred is null and i.indnkeyatts = 1 and a.attname = 'id'
        ),
        'traders_in_publication', exists (
            select from pg_catalog.pg_publication_tables p
            where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = 'traders'
        ),
        'bucket', bucket,
        'apps', coalesce(apps, '[]'),
        'traders', traders
    );
end $$;

revoke all on function public.host_selfcheck(text, uuid, text) from public, anon, authenticated;
grant execute on function public.host_selfcheck(text, uuid, text) to service_role;
