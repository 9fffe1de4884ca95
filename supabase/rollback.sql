-- Takes away the rules that the migrations brought, so that an old host writes as before. Tables, columns and the bucket
-- stay, with what is in them. Afterwards tell the CLI, so that the next `supabase db push` brings the rules again:
-- `supabase migration repair --status reverted <version>...`

begin;

drop trigger if exists signals_guard on public.signals;
drop trigger if exists traders_ownership on public.traders;
drop trigger if exists traders_module_is_published on public.traders;
drop trigger if exists traders_keep_toggle_times on public.traders;
drop trigger if exists traders_keep_module_history on public.traders;
drop function if exists public.signals_guard();
drop function if exists public.traders_ownership();
drop function if exists public.traders_module_is_published();
drop function if exists public.traders_keep_toggle_times();
drop function if exists public.traders_keep_module_history();
drop function if exists public.host_selfcheck(text, uuid, text);
drop view if exists public.trader_contradictions;

drop policy if exists trader_modules_read_own on public.trader_modules;
drop policy if exists trader_modules_insert_own on public.trader_modules;
drop policy if exists trader_module_history_read_own on public.trader_module_history;
drop policy if exists traders_read_own on public.traders;
drop policy if exists traders_insert_own on public.traders;
drop policy if exists traders_update_own on public.traders;
drop policy if exists signals_read_own on public.signals;
drop policy if exists historical_signals_read on public.historical_signals;
drop policy if exists trader_state_read_own on public.trader_state;

do $$ begin
if to_regclass('storage.objects') is not null then
    drop policy if exists trader_modules_read_own on storage.objects;
    drop policy if exists trader_modules_upload_own on storage.objects;
    -- The restrictive policies stay: they only keep strangers away from the bucket.
end if;
if exists (
    select from pg_catalog.pg_publication_tables
    where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'traders'
) then
    alter publication supabase_realtime drop table public.traders;
end if;
end $$;

commit;
