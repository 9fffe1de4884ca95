-- Signals: where each came from, and a table for those that a trader found while it was warmed up.

alter table public.signals add column if not exists tag text;
alter table public.signals add column if not exists provenance jsonb;
comment on column public.signals.tag is 'Which of its kinds of signal the trader emitted';
comment on column public.signals.provenance is
    'Module, ABI, SDK, parameters and first candle that gave the signal: enough to compute it again';

-- The 24 h figures are null where there are no 24 h of candles.
do $$
declare
    needed record;
begin
    for needed in
        select attname from pg_catalog.pg_attribute
        where attrelid = 'public.signals'::regclass and attnotnull
            and attname in ('change_percent_at_signal', 'volume_at_signal')
    loop
        execute format('alter table public.signals alter column %I drop not null', needed.attname);
    end loop;
end $$;

-- No trigger belongs on this table: an insert into `signals` may call a paid language model.
create table if not exists public.historical_signals (
    id uuid primary key,
    trader_id uuid not null references public.traders (id) on delete cascade,
    user_id uuid references auth.users (id) on delete cascade,
    symbol text not null,
    interval text not null,
    timestamp timestamptz not null,
    price_at_signal numeric not null,
    change_percent_at_signal numeric,
    volume_at_signal numeric,
    count integer,
    source text not null check (source in ('local', 'cloud')),
    fly_app_id uuid references public.user_fly_apps (id) on delete set null,
    indicator_data jsonb,
    metadata jsonb default '{}',
    tag text,
    provenance jsonb,
    created_at timestamptz not null default now()
);
comment on table public.historical_signals is
    'What a trader would have said before it was started: found in its warm-up, never analysed, never traded';
create index if not exists historical_signals_trader_id_timestamp_idx
    on public.historical_signals (trader_id, timestamp desc);

-- The host reads a trader's last signals to rebuild its cooldown. Not made where an index does the same.
do $$ begin
if not exists (
    select from pg_catalog.pg_index i
    where i.indrelid = 'public.signals'::regclass and i.indpred is null and i.indisvalid and i.indnkeyatts >= 2
        and (select attname from pg_catalog.pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0]) = 'trader_id'
        and (select attname from pg_catalog.pg_attribute where attrelid = i.indrelid and attnum = i.indkey[1]) = 'timestamp'
) then
    create index signals_trader_id_timestamp_idx on public.signals (trader_id, timestamp desc);
end if;
end $$;
