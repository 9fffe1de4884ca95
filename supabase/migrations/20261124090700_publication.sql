-- Changes of `traders` reach the host within a second only if Realtime publishes the table.

do $$ begin
if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    raise notice 'there is no publication supabase_realtime: the host will poll instead';
elsif not exists (
    select from pg_catalog.pg_publication_tables
    where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'traders'
) then
    alter publication supabase_realtime add table public.traders;
end if;
end $$;
