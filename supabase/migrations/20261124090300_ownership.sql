-- Traders: who may own what, since when they are on or off, and which rows contradict themselves.

alter table public.traders add column if not exists enabled_at timestamptz;
alter table public.traders add column if not exists disabled_at timestamptz;
comment on column public.traders.enabled_at is 'When `enabled` last became true; kept by a trigger';
comment on column public.traders.disabled_at is 'When `enabled` last ceased to be true; kept by a trigger';

-- The two times follow `enabled` and nothing else: what a writer sends for them is dropped.
create or replace function public.traders_keep_toggle_times() returns trigger
    language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then
        new.enabled_at := case when new.enabled then clock_timestamp() end;
        new.disabled_at := case when new.enabled is not true then clock_timestamp() end;
        return new;
    end if;
    new.enabled_at := old.enabled_at;
    new.disabled_at := old.disabled_at;
    if old.enabled is not true and new.enabled then
        new.enabled_at := clock_timestamp();
        -- A row that was disabled before these columns were there: its last change is the latest it can have been.
        new.disabled_at := coalesce(old.disabled_at, old.updated_at);
    elsif old.enabled and new.enabled is not true then
        new.disabled_at := clock_timestamp();
    end if;
    return new;
end $$;

drop trigger if exists traders_keep_toggle_times on public.traders;
create trigger traders_keep_toggle_times before insert or update on public.traders
    for each row execute function public.traders_keep_toggle_times();

-- Checked when an owner is set, and not by a CHECK: a row that contradicts itself today must still be disabled tomorrow.
-- Runs with the rights of the writer, since it asks who that is.
create or replace function public.traders_ownership() returns trigger
    language plpgsql set search_path = '' as $$
declare
    -- Who is in `service_role`, owns the table (migrations, the SQL editor) or is a superuser.
    trusted boolean := current_user = 'service_role'
        or pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'USAGE');
begin
    if tg_op = 'UPDATE'
        and new.user_id is not distinct from old.user_id
        and new.is_built_in is not distinct from old.is_built_in
        and new.ownership_type is not distinct from old.ownership_type
    then
        return new;
    end if;
    if not trusted and (tg_op = 'UPDATE' or new.is_built_in or new.user_id is null or new.ownership_type = 'system') then
        raise exception 'only the service role may decide who owns trader %', new.id
            using errcode = '42501', constraint = 'traders_ownership', schema = 'public', table = 'traders',
                hint = 'Leave user_id, is_built_in and ownership_type as they are; a new trader takes your own user_id.';
    end if;
    if coalesce(new.is_built_in, false) <> (new.user_id is null)
        or (new.ownership_type = 'system') <> coalesce(new.is_built_in, false)
    then
        raise exception 'the owner of trader % contradicts itself: is_built_in %, user_id %, ownership_type %',
            new.id, coalesce(new.is_built_in::text, 'null'), coalesce(new.user_id::text, 'null'),
            coalesce(new.ownership_type, 'null')
            using errcode = '23514', constraint = 'traders_ownership', schema = 'public', table = 'traders',
                hint = 'A built-in trader has no user and the type system, any other a user and the type user.';
    end if;
    return new;
end $$;

drop trigger if exists traders_ownership on public.traders;
create trigger traders_ownership before insert or update on public.traders
    for each row execute function public.traders_ownership();

create or replace view public.trader_contradictions with (security_invoker = true) as
select t.id, t.name, r.reason
from public.traders t
cross join lateral (values
    (t.is_built_in and t.user_id is not null, 'is_built_in is true, but there is a user_id'),
    (not t.is_built_in and t.user_id is null, 'is_built_in is false, but there is no user_id'),
    (t.is_built_in is null, 'is_built_in is null'),
    (t.enabled is null, 'enabled is null'),
    (t.ownership_type = 'system' and t.is_built_in is not true, 'ownership_type is system, but is_built_in is not true'),
    (t.ownership_type = 'user' and t.is_built_in, 'ownership_type is user, but is_built_in is true'),
    (jsonb_typeof(t.filter) = 'string', 'filter is JSON in a string'),
    (jsonb_typeof(t.strategy) = 'string', 'strategy is JSON in a string'),
    (jsonb_typeof(t.params) <> 'object', 'params is no object'),
    (
        t.module_sha256 is not null and not exists (
            select from public.trader_modules m
            where m.sha256 = t.module_sha256 and m.user_id is not distinct from t.user_id
        ),
        'module_sha256 names a module that the owner did not publish'
    )
) as r (holds, reason)
where r.holds;
comment on view public.trader_contradictions is 'Rows of traders that the host will not run, or not as they say, and why';
