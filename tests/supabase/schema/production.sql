-- The production project before our migrations: its tables, checks, triggers and policies. Run as `postgres`.
-- Two things are not as there: the paid analysis and the provisioning of apps are counted instead of called.

-- The project is older than October 2026: its tables were open to the three roles when they were made.
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;

create table public.traders (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    description text not null,
    enabled boolean default true,
    mode text check (mode in ('demo', 'live')),
    exchange_config jsonb,
    filter jsonb not null,
    strategy jsonb not null,
    metrics jsonb not null default '{}',
    user_id uuid references auth.users (id) on delete cascade,
    ownership_type text check (ownership_type in ('system', 'user')),
    access_tier text check (access_tier in ('anonymous', 'free', 'pro', 'elite')),
    is_built_in boolean default false,
    category text,
    difficulty text,
    admin_notes text,
    execution_interval text default '5m',
    last_execution timestamptz,
    execution_count integer default 0,
    version integer default 1,
    cloud_config jsonb,
    default_enabled boolean,
    language text check (language in ('javascript', 'go')),
    auto_analyze_signals boolean,
    auto_execute_trades boolean,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index idx_traders_user_id on public.traders (user_id);
create index idx_traders_enabled on public.traders (enabled);

create table public.user_fly_apps (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    fly_app_name text not null unique,
    fly_org_slug text not null,
    status text not null default 'provisioning'
        check (status in ('provisioning', 'active', 'error', 'deprovisioning', 'deleted')),
    region text not null,
    docker_image text not null,
    deployed_at timestamptz,
    last_health_check timestamptz,
    health_status text default 'unknown' check (health_status in ('healthy', 'unhealthy', 'unknown')),
    error_message text,
    retry_count integer default 0,
    monthly_cost_estimate_usd numeric(10, 2),
    cpu_count integer default 2,
    memory_mb integer default 512,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint one_app_per_user unique (user_id)
);

create table public.user_fly_app_events (
    id uuid primary key default gen_random_uuid(),
    fly_app_id uuid references public.user_fly_apps (id) on delete cascade,
    user_id uuid not null references auth.users (id) on delete cascade,
    event_type text not null check (event_type in (
        'provision_requested', 'provision_started', 'provision_completed', 'provision_failed',
        'health_check_passed', 'health_check_failed', 'deprovision_requested', 'deprovision_started',
        'deprovision_completed', 'deprovision_failed', 'error_occurred', 'recovery_attempted'
    )),
    status text,
    metadata jsonb default '{}',
    error_details text,
    created_at timestamptz not null default now()
);

create table public.signals (
    id uuid primary key default gen_random_uuid(),
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
    created_at timestamptz not null default now()
);
comment on column public.signals.fly_app_id is 'null for shared backend signals';
create index idx_signals_trader_id on public.signals (trader_id);
create index idx_signals_created_at on public.signals (created_at desc);
create index idx_signals_indicator_data on public.signals using gin (indicator_data);

create table public.trader_state (
    id uuid primary key default gen_random_uuid(),
    trader_id uuid not null unique references public.traders (id) on delete cascade,
    state text not null default 'stopped' check (state in ('stopped', 'starting', 'running', 'stopping', 'error')),
    started_at timestamptz,
    stopped_at timestamptz,
    last_run_at timestamptz,
    last_error text,
    error_count integer default 0,
    signal_count integer default 0,
    execution_count integer default 0,
    avg_execution_duration_ms integer,
    machine_id text,
    metadata jsonb default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table public.trader_resource_usage (
    user_id uuid primary key references auth.users (id) on delete cascade,
    active_traders integer not null default 0,
    updated_at timestamptz not null default now()
);

create table public.trader_execution_history (
    id uuid primary key default gen_random_uuid(),
    trader_id uuid not null references public.traders (id) on delete cascade,
    started_at timestamptz not null,
    stopped_at timestamptz,
    duration_ms integer,
    symbols_scanned integer default 0,
    signals_generated integer default 0,
    initial_state text,
    final_state text,
    error text,
    machine_id text,
    metadata jsonb default '{}',
    created_at timestamptz not null default now()
);

create table public.user_subscriptions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique references auth.users (id) on delete cascade,
    tier text not null default 'free' check (tier in ('free', 'pro', 'elite')),
    status text not null default 'active',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Triggers ------------------------------------------------------------------------------------------------------------

create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end $$;

create trigger update_traders_updated_at before update on public.traders
    for each row execute function public.update_updated_at_column();
create trigger update_user_fly_apps_updated_at before update on public.user_fly_apps
    for each row execute function public.update_updated_at_column();
create trigger update_trader_state_updated_at before update on public.trader_state
    for each row execute function public.update_updated_at_column();
create trigger update_user_subscriptions_updated_at before update on public.user_subscriptions
    for each row execute function public.update_updated_at_column();

create function public.increment_trader_version() returns trigger language plpgsql as $$
begin
    new.version = coalesce(old.version, 0) + 1;
    return new;
end $$;
create trigger increment_trader_version before update on public.traders
    for each row execute function public.increment_trader_version();

create function public.update_active_traders() returns trigger
    language plpgsql security definer set search_path = public as $$
declare
    owner uuid;
begin
    select t.user_id into owner from traders t where t.id = new.trader_id;
    if owner is null then
        return new;
    end if;
    insert into trader_resource_usage (user_id, active_traders)
    select owner, count(*) from trader_state s join traders t on t.id = s.trader_id
    where t.user_id = owner and s.state = 'running'
    on conflict (user_id) do update set active_traders = excluded.active_traders, updated_at = now();
    return new;
end $$;
create trigger update_active_traders after insert or update of state on public.trader_state
    for each row execute function public.update_active_traders();

-- What costs money in production is written down here. Not open to the three roles; the triggers run as the owner.
create schema harness;
create table harness.ai_analysis_calls (
    id bigint generated always as identity primary key,
    signal_id uuid not null,
    trader_id uuid not null,
    -- True where production would have called the language model: an Elite user's trader.
    paid boolean not null,
    called_at timestamptz not null default clock_timestamp()
);
create table harness.provisioning_calls (
    id bigint generated always as identity primary key,
    user_id uuid not null,
    tier text not null,
    called_at timestamptz not null default clock_timestamp()
);

create function public.auto_trigger_ai_analysis() returns trigger
    language plpgsql security definer set search_path = public as $$
begin
    insert into harness.ai_analysis_calls (signal_id, trader_id, paid)
    values (new.id, new.trader_id, exists (
        select from traders t join user_subscriptions s on s.user_id = t.user_id
        where t.id = new.trader_id and s.tier = 'elite' and s.status = 'active'
    ));
    return new;
end $$;
create trigger auto_trigger_ai_analysis after insert on public.signals
    for each row execute function public.auto_trigger_ai_analysis();

create function public.handle_subscription_change() returns trigger
    language plpgsql security definer set search_path = public as $$
begin
    insert into harness.provisioning_calls (user_id, tier) values (new.user_id, new.tier);
    return new;
end $$;
create trigger on_subscription_change after update of tier on public.user_subscriptions
    for each row when (old.tier is distinct from new.tier) execute function public.handle_subscription_change();

-- Row-level security --------------------------------------------------------------------------------------------------

alter table public.traders enable row level security;
alter table public.user_fly_apps enable row level security;
alter table public.user_fly_app_events enable row level security;
alter table public.signals enable row level security;
alter table public.trader_state enable row level security;
alter table public.trader_resource_usage enable row level security;
alter table public.trader_execution_history enable row level security;
alter table public.user_subscriptions enable row level security;

create policy "Anyone can view built-in traders" on public.traders for select using (is_built_in = true);
create policy "Users can view own traders" on public.traders for select using (auth.uid() = user_id);
create policy "Users can create own traders" on public.traders for insert with check (auth.uid() = user_id);
create policy "Users can update own traders" on public.traders for update using (auth.uid() = user_id);
create policy "Users can delete own traders" on public.traders for delete using (auth.uid() = user_id);

create policy "Users can view signals of built-in traders" on public.signals for select
    using (auth.role() = 'authenticated' and user_id is null);
create policy "Users can view own signals" on public.signals for select using (auth.uid() = user_id);
create policy "Users can insert own signals" on public.signals for insert with check (auth.uid() = user_id);

create policy "Users can view own app" on public.user_fly_apps for select using (auth.uid() = user_id);
create policy "Users can view own app events" on public.user_fly_app_events for select using (auth.uid() = user_id);
create policy "Users can view own usage" on public.trader_resource_usage for select using (auth.uid() = user_id);
create policy "Users can view own subscription" on public.user_subscriptions for select using (auth.uid() = user_id);
create policy "Users can view own trader state" on public.trader_state for select
    using (exists (select from public.traders t where t.id = trader_id and t.user_id = auth.uid()));
create policy "Users can view own history" on public.trader_execution_history for select
    using (exists (select from public.traders t where t.id = trader_id and t.user_id = auth.uid()));

-- Realtime ------------------------------------------------------------------------------------------------------------

-- `traders` is not in it.
alter publication supabase_realtime add table public.signals, public.user_fly_apps;

-- Since October 2026 new tables are open to nobody.
alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated, service_role;
