-- Modules: what was published, and which module and parameters a trader runs with.

create table if not exists public.trader_modules (
    id uuid primary key default gen_random_uuid(),
    sha256 text not null,
    -- Null: published by an operator, for built-in traders.
    user_id uuid references auth.users (id) on delete cascade,
    size_bytes integer not null,
    abi text,
    sdk text,
    name text,
    manifest jsonb,
    created_at timestamptz not null default now(),
    constraint trader_modules_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint trader_modules_size_is_positive check (size_bytes > 0),
    constraint trader_modules_published_once unique nulls not distinct (sha256, user_id)
);
comment on table public.trader_modules is
    'Published modules. The bytes are in the bucket trader-modules: built-in/<sha256>.wasm or <user_id>/<sha256>.wasm';

alter table public.traders add column if not exists module_sha256 text;
alter table public.traders add column if not exists params jsonb not null default '{}';
comment on column public.traders.module_sha256 is 'Digest of the module that the trader runs, published by its owner';
comment on column public.traders.params is 'Parameters of the module: an object, not a string that holds one';

do $$ begin
if not exists (
    select from pg_catalog.pg_constraint
    where conrelid = 'public.traders'::regclass and conname = 'traders_params_is_object'
) then
    alter table public.traders add constraint traders_params_is_object check (jsonb_typeof(params) = 'object');
end if;
end $$;

-- A foreign key cannot do it: for built-ins both users are null, and null never matches.
create or replace function public.traders_module_is_published() returns trigger
    language plpgsql security definer set search_path = '' as $$
begin
    if new.module_sha256 is null then
        return new;
    end if;
    if tg_op = 'UPDATE'
        and new.module_sha256 is not distinct from old.module_sha256
        and new.user_id is not distinct from old.user_id
    then
        return new;
    end if;
    if not exists (
        select from public.trader_modules m
        where m.sha256 = new.module_sha256 and m.user_id is not distinct from new.user_id
    ) then
        raise exception 'trader % names a module that its owner did not publish: %', new.id, new.module_sha256
            using errcode = '23503', constraint = 'traders_module_is_published',
                schema = 'public', table = 'traders', column = 'module_sha256',
                hint = 'Publish the module for this trader first, with `vyx publish`.';
    end if;
    return new;
end $$;

drop trigger if exists traders_module_is_published on public.traders;
create trigger traders_module_is_published
    before insert or update of module_sha256, user_id on public.traders
    for each row execute function public.traders_module_is_published();
