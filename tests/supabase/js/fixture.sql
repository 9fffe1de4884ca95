-- What the checks of the official client work on; run as `postgres` in a database of their own.

create table public.makers (id uuid primary key, name text not null);

create table public.items (
    id uuid primary key default gen_random_uuid(),
    maker_id uuid references public.makers (id),
    user_id uuid,
    name text not null,
    quantity integer not null default 7 check (quantity >= 0),
    price double precision,
    enabled boolean default true,
    code text unique,
    payload jsonb
);
alter table public.items enable row level security;
create policy "own items" on public.items to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());

create table public.unpublished (id uuid primary key, name text);
create table public.numbers (n integer primary key);
insert into public.numbers select generate_series(1, 1506);

grant all on public.makers, public.items, public.unpublished, public.numbers to anon, authenticated, service_role;
create table public.forbidden (id uuid primary key);
revoke all on public.forbidden from anon, authenticated, service_role;

alter publication supabase_realtime add table public.items;

create function public.add(a integer, b integer default 1) returns integer language sql immutable as 'select a + b';
create function public.first_numbers(how_many integer) returns setof public.numbers language sql stable
    as 'select * from public.numbers where n <= how_many order by n';
create function public.who() returns jsonb language sql stable
    as 'select jsonb_build_object(''role'', current_user, ''uid'', auth.uid())';
create function public.nothing() returns void language sql as '';
create function public.secret() returns text language sql as 'select ''x''';
revoke execute on function public.secret() from public, anon, authenticated;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('modules', 'modules', false, 1000, '{application/wasm}');
create policy "own folder" on storage.objects for insert to authenticated
    with check (bucket_id = 'modules' and (storage.foldername(name))[1] = auth.uid()::text);
create policy "own files" on storage.objects for select to authenticated
    using (bucket_id = 'modules' and (storage.foldername(name))[1] = auth.uid()::text);
