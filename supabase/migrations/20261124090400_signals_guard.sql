-- The rules of ownership once more, for whoever writes signals: an old host, a script, a host with a lost environment.
-- Only INSERTs of source `cloud` are looked at; what browsers write (`local`) is none of its business.

create or replace function public.signals_guard() returns trigger
    language plpgsql security definer set search_path = '' as $$
declare
    trader record;
    problem text;
begin
    -- It is there already: the insert will be ignored, or fail on the key. A retry must not be judged anew.
    if exists (select from public.signals s where s.id = new.id) then
        return new;
    end if;

    select t.is_built_in, t.user_id, t.enabled, t.enabled_at, t.disabled_at into trader
    from public.traders t where t.id = new.trader_id;
    if not found then
        return new; -- the foreign key says it better
    end if;

    problem := case
        when trader.is_built_in and trader.user_id is not null then 'the trader is built-in and has a user'
        when trader.is_built_in and new.user_id is not null then 'a built-in trader''s signal has no user'
        when trader.is_built_in and new.fly_app_id is not null then 'a built-in trader''s signal has no app'
        when trader.is_built_in then null
        when trader.user_id is null then 'the trader is neither built-in nor a user''s'
        when new.user_id is distinct from trader.user_id then 'the signal must have the user of its trader'
        when new.fly_app_id is null then 'the signal of a user''s trader must have that user''s app'
        when not exists (
            select from public.user_fly_apps a where a.id = new.fly_app_id and a.user_id = trader.user_id
        ) then 'the app is not one of the trader''s user'
    end;
    if problem is not null then
        raise exception 'signal % of trader % refused: %', new.id, new.trader_id, problem
            using errcode = '23514', constraint = 'signals_ownership_guard', schema = 'public', table = 'signals',
                -- Not the trader's user: whoever writes may not be allowed to know.
                detail = format(
                    'the signal has user_id %s and fly_app_id %s',
                    coalesce(new.user_id::text, 'null'), coalesce(new.fly_app_id::text, 'null')
                ),
                hint = 'Check RUN_MODE and USER_ID of the writer; table trader_contradictions lists rows to correct.';
    end if;

    -- While it is disabled: later than that. After it was enabled again: between the two. Equal times are accepted.
    problem := case
        when trader.enabled is not true and trader.disabled_at is null then 'its trader is disabled'
        when trader.enabled is not true and new.timestamp > trader.disabled_at
            then format('its candle closed at %s, its trader is disabled since %s', new.timestamp, trader.disabled_at)
        when trader.enabled and new.timestamp > trader.disabled_at and new.timestamp < trader.enabled_at
            then format(
                'its candle closed at %s, its trader was disabled from %s to %s',
                new.timestamp, trader.disabled_at, trader.enabled_at
            )
    end;
    if problem is not null then
        raise exception 'signal % of trader % refused: %', new.id, new.trader_id, problem
            using errcode = '23514', constraint = 'signals_disabled_guard', schema = 'public', table = 'signals',
                hint = 'Stop the writer: it runs a trader that is disabled.';
    end if;
    return new;
end $$;

-- BEFORE, so that a refused batch ends before any AFTER trigger has done something that cannot be undone.
drop trigger if exists signals_guard on public.signals;
create trigger signals_guard before insert on public.signals
    for each row when (new.source = 'cloud') execute function public.signals_guard();
