-- Who may read and write what. The host is `service_role`, which row-level security does not bind, but which needs grants:
-- since October 2026 new tables have none. A project that is older gives new tables to everybody, so these begin closed.

revoke all on public.trader_modules, public.historical_signals, public.trader_contradictions
    from public, anon, authenticated, service_role;

grant usage on schema public to service_role;
grant select, insert, update, delete on
    public.traders, public.signals, public.historical_signals, public.trader_modules, public.trader_state,
    public.user_fly_apps, public.user_fly_app_events, public.trader_execution_history, public.user_subscriptions
    to service_role;
grant select on public.trader_contradictions to service_role;

alter table public.trader_modules enable row level security;
alter table public.historical_signals enable row level security;

-- Authors publish as themselves: new modules and own traders, nothing that exists is changed or taken away.
grant select, insert on public.trader_modules to authenticated;
drop policy if exists trader_modules_read_own on public.trader_modules;
create policy trader_modules_read_own on public.trader_modules for select to authenticated
    using (user_id = (select auth.uid()));
drop policy if exists trader_modules_insert_own on public.trader_modules;
create policy trader_modules_insert_own on public.trader_modules for insert to authenticated
    with check (user_id = (select auth.uid()));

grant select, insert, update on public.traders to authenticated;
drop policy if exists traders_read_own on public.traders;
create policy traders_read_own on public.traders for select to authenticated using (user_id = (select auth.uid()));
drop policy if exists traders_insert_own on public.traders;
create policy traders_insert_own on public.traders for insert to authenticated
    with check (user_id = (select auth.uid()));
drop policy if exists traders_update_own on public.traders;
create policy traders_update_own on public.traders for update to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- What came of it.
grant select on public.signals, public.historical_signals, public.trader_state to authenticated;
drop policy if exists signals_read_own on public.signals;
create policy signals_read_own on public.signals for select to authenticated using (user_id = (select auth.uid()));
drop policy if exists historical_signals_read on public.historical_signals;
create policy historical_signals_read on public.historical_signals for select to authenticated
    using (
        user_id = (select auth.uid())
        -- Of a built-in trader: whoever may see the trader.
        or (user_id is null and exists (select from public.traders t where t.id = trader_id and t.is_built_in))
    );
drop policy if exists trader_state_read_own on public.trader_state;
create policy trader_state_read_own on public.trader_state for select to authenticated
    using (exists (select from public.traders t where t.id = trader_id and t.user_id = (select auth.uid())));

-- No trigger needs these to be callable by anybody.
revoke all on function
    public.traders_module_is_published(), public.traders_keep_toggle_times(), public.traders_ownership(),
    public.signals_guard()
    from public, anon, authenticated;
