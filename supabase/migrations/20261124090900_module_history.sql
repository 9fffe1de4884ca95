-- What each trader was set to run, in order, so that `vyx rollback` knows what was there before.

create table if not exists public.trader_module_history (
    id bigint generated always as identity primary key,
    trader_id uuid not null references public.traders (id) on delete cascade,
    module_sha256 text not null,
    params jsonb not null,
    set_at timestamptz not null default clock_timestamp()
);
comment on table public.trader_module_history is
    'Modules and parameters that a trader was set to, kept by a trigger; the last 100 of each trader';
create index if not exists trader_module_history_trader_id_idx on public.trader_module_history (trader_id, id desc);

-- Whoever sets the row, it is written down; nobody needs to be allowed to write here.
create or replace function public.traders_keep_module_history() returns trigger
    language plpgsql security definer set search_path = '' as $$
begin
    if new.module_sha256 is null then
        return null;
    end if;
    if tg_op = 'UPDATE'
        and new.module_sha256 is not distinct from old.module_sha256
        and new.params is not distinct from old.params
    then
        return null;
    end if;
    insert into public.trader_module_history (trader_id, module_sha256, params)
    values (new.id, new.module_sha256, new.params);
    delete from public.trader_module_history h
    where h.trader_id = new.id and h.id <= (
        select k.id from public.trader_module_history k where k.trader_id = new.id order by k.id desc offset 100 limit 1
    );
    return null;
end $$;

drop trigger if exists traders_keep_module_history on public.traders;
create trigger traders_keep_module_history after insert or update of module_sha256, params on public.traders
    for each row execute function public.traders_keep_module_history();

-- What runs today was set before this table was there.
insert into public.trader_module_history (trader_id, module_sha256, params, set_at)
select t.id, t.module_sha256, t.params, t.updated_at
from public.traders t
where t.module_sha256 is not null
    and not exists (select from public.trader_module_history h where h.trader_id = t.id);

revoke all on public.trader_module_history from public, anon, authenticated, service_role;
grant select on public.trader_module_history to authenticated, service_role;
alter table public.trader_module_history enable row level security;
drop policy if exists trader_module_history_read_own on public.trader_module_history;
create policy trader_module_history_read_own on public.trader_module_history for select to authenticated
    using (exists (select from public.traders t where t.id = trader_id and t.user_id = (select auth.uid())));
revoke all on function public.traders_keep_module_history() from public, anon, authenticated;
