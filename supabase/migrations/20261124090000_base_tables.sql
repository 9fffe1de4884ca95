-- An empty project gets the tables that the production project already has. Where a table exists, it is left as it is,
-- with its triggers and policies.

do $$ begin
if to_regclass('public.traders') is null then
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
    create index traders_user_id_idx on public.traders (user_id);

    create function public.traders_count_version() returns trigger language plpgsql set search_path = '' as $f$
    begin
        new.version := coalesce(old.version, 0) + 1;
        new.updated_at := now();
        return new;
    end $f$;
    create trigger traders_count_version before update on public.traders
        for each row execute function public.traders_count_version();

    alter table public.traders enable row level security;
    grant select on public.traders to anon;
    grant select, insert, update, delete on public.traders to authenticated;
    create policy traders_read_built_in on public.traders for select using (is_built_in);
    create policy traders_delete_own on public.traders for delete to authenticated
        using (user_id = (select auth.uid()));
end if;
end $$;

do $$ begin
if to_regclass('public.user_fly_apps') is null then
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
    alter table public.user_fly_apps enable row level security;
    grant select on public.user_fly_apps to authenticated;
    create policy user_fly_apps_read_own on public.user_fly_apps for select to authenticated
        using (user_id = (select auth.uid()));
end if;
end $$;

do $$ begin
if to_regclass('public.user_fly_app_events') is null then
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
    alter table public.user_fly_app_events enable row level security;
    grant select on public.user_fly_app_events to authenticated;
    create policy user_fly_app_events_read_own on public.user_fly_app_events for select to authenticated
        using (user_id = (select auth.uid()));
end if;
end $$;

do $$ begin
if to_regclass('public.signals') is null then
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
    create index signals_indicator_data_idx on public.signals using gin (indicator_data);
    alter table public.signals enable row level security;
    grant select, insert on public.signals to authenticated;
    create policy signals_read_built_in on public.signals for select to authenticated using (user_id is null);
    -- What a browser finds; signals of the cloud are the host's to write.
    create policy signals_insert_local on public.signals for insert to authenticated
        with check (user_id = (select auth.uid()) and source = 'local');
end if;
end $$;

do $$ begin
if to_regclass('public.trader_state') is null then
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

    create function public.trader_state_touch() returns trigger language plpgsql set search_path = '' as $f$
    begin
        new.updated_at := now();
        return new;
    end $f$;
    create trigger trader_state_touch before update on public.trader_state
        for each row execute function public.trader_state_touch();

    alter table public.trader_state enable row level security;
    grant select on public.trader_state to authenticated;
end if;
end $$;

do $$ begin
if to_regclass('public.trader_execution_history') is null then
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
    alter table public.trader_execution_history enable row level security;
end if;
end $$;

do $$ begin
if to_regclass('public.user_subscriptions') is null then
    create table public.user_subscriptions (
        id uuid primary key default gen_random_uuid(),
        user_id uuid not null unique references auth.users (id) on delete cascade,
        tier text not null default 'free' check (tier in ('free', 'pro', 'elite')),
        status text not null default 'active',
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
    );
    alter table public.user_subscriptions enable row level security;
    grant select on public.user_subscriptions to authenticated;
    create policy user_subscriptions_read_own on public.user_subscriptions for select to authenticated
        using (user_id = (select auth.uid()));
end if;
end $$;
