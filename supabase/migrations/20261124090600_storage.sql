-- The bucket of the modules: private, WebAssembly only. An author may add to the folder of their own user id and read it;
-- nobody but the service role overwrites or deletes, whatever policies the project has for other buckets.

do $$ begin
if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    raise notice 'there is no storage in this database: the bucket trader-modules is not made';
    return;
end if;

-- A module has at most 4 MiB; the rest is room for what a form upload puts around it.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('trader-modules', 'trader-modules', false, 4 * 1024 * 1024 + 64 * 1024, array['application/wasm'])
on conflict (id) do update set
    public = excluded.public,
    file_size_limit = excluded.file_size_limit,
    allowed_mime_types = excluded.allowed_mime_types;

drop policy if exists trader_modules_read_own on storage.objects;
create policy trader_modules_read_own on storage.objects for select to authenticated
    using (bucket_id = 'trader-modules' and (storage.foldername(name))[1] = (select auth.uid())::text);

drop policy if exists trader_modules_upload_own on storage.objects;
create policy trader_modules_upload_own on storage.objects for insert to authenticated
    with check (bucket_id = 'trader-modules' and (storage.foldername(name))[1] = (select auth.uid())::text);

-- Restrictive: they hold beside every other policy of the table.
drop policy if exists trader_modules_only_own on storage.objects;
create policy trader_modules_only_own on storage.objects as restrictive for insert to anon, authenticated
    with check (
        bucket_id is distinct from 'trader-modules'
        or name ~ ('^' || (select auth.uid())::text || '/[0-9a-f]{64}\.wasm$')
    );
drop policy if exists trader_modules_no_foreign_read on storage.objects;
create policy trader_modules_no_foreign_read on storage.objects as restrictive for select to anon, authenticated
    using (
        bucket_id is distinct from 'trader-modules' or (storage.foldername(name))[1] = (select auth.uid())::text
    );
drop policy if exists trader_modules_never_overwritten on storage.objects;
create policy trader_modules_never_overwritten on storage.objects as restrictive for update to anon, authenticated
    using (bucket_id is distinct from 'trader-modules') with check (bucket_id is distinct from 'trader-modules');
drop policy if exists trader_modules_never_deleted on storage.objects;
create policy trader_modules_never_deleted on storage.objects as restrictive for delete to anon, authenticated
    using (bucket_id is distinct from 'trader-modules');
end $$;
