-- A relationship journal: ten tables of an application that knows nothing of syncwell but one function,
-- syncwell.current_user_id(). Run it as the owner of the application's tables.
--
-- Ids are made on the device, so a row's key is its user and its id: no user can take another's id, and a foreign key
-- that carries both can't point to another user's row.

create schema journal;

create type journal.tier as enum ('inner circle', 'close', 'community');
create type journal.intention_status as enum ('open', 'planned', 'done', 'dropped');

-- one row a user, whose id is the user's: two devices that make it offline make the same one
create table journal.user_profile (
  user_id uuid not null,
  id text not null,
  display_name text not null default '',
  time_zone text not null default 'UTC',
  birthday date,
  onboarding_completed boolean not null default false,
  notifications jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.user_progress (
  user_id uuid not null,
  id text not null,
  current_streak integer not null default 0,
  longest_streak integer not null default 0,
  points bigint not null default 0,
  achievements text[] not null default '{}',
  last_practised_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.friends (
  user_id uuid not null,
  id text not null,
  name text not null default '',
  nickname text,
  tier journal.tier not null default 'community',
  birthday date,
  is_favourite boolean not null default false,
  reminder_every_days integer,
  closeness numeric(4, 1) not null default 0,
  tags text[] not null default '{}',
  notes text,
  last_contact_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.interactions (
  user_id uuid not null,
  id text not null,
  kind text not null default 'other',
  title text not null default '',
  happened_at timestamptz,
  duration_minutes integer,
  mood smallint,
  place text,
  notes text,
  is_planned boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.intentions (
  user_id uuid not null,
  id text not null,
  title text not null default '',
  description text,
  status journal.intention_status not null default 'open',
  due_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.life_events (
  user_id uuid not null,
  id text not null,
  friend_id text,
  kind text not null default 'other',
  title text not null default '',
  happens_on date,
  is_annual boolean not null default false,
  importance smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id),
  foreign key (user_id, friend_id) references journal.friends (user_id, id) on delete set null (friend_id)
);
create index on journal.life_events (user_id, friend_id);

-- no unique (interaction_id, friend_id): two devices may link the same two offline, and neither is wrong
create table journal.interaction_friends (
  user_id uuid not null,
  id text not null,
  interaction_id text not null,
  friend_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id),
  foreign key (user_id, interaction_id) references journal.interactions (user_id, id) on delete cascade,
  foreign key (user_id, friend_id) references journal.friends (user_id, id) on delete cascade
);
create index on journal.interaction_friends (user_id, interaction_id);
create index on journal.interaction_friends (user_id, friend_id);

create table journal.intention_friends (
  user_id uuid not null,
  id text not null,
  intention_id text not null,
  friend_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id),
  foreign key (user_id, intention_id) references journal.intentions (user_id, id) on delete cascade,
  foreign key (user_id, friend_id) references journal.friends (user_id, id) on delete cascade
);
create index on journal.intention_friends (user_id, intention_id);
create index on journal.intention_friends (user_id, friend_id);

create table journal.weekly_reflections (
  user_id uuid not null,
  id text not null,
  week_start date,
  rating smallint check (rating between 1 and 5),
  gratitude text,
  highlights jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table journal.journal_entries (
  user_id uuid not null,
  id text not null,
  friend_id text,
  title text,
  body text not null default '',
  words integer not null
  generated always as (coalesce(array_length(regexp_split_to_array(nullif(btrim(body), ''), '\s+'), 1), 0)) stored,
  mood smallint,
  written_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id),
  foreign key (user_id, friend_id) references journal.friends (user_id, id) on delete set null (friend_id)
);
create index on journal.journal_entries (user_id, friend_id);

-- The server's own mark on every change; devices read it and can't write it.
create function journal.touch()
returns trigger
language plpgsql
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end;
$$;

-- The application's own rule, which holds for syncwell as for any other query: everybody has their own journal.
grant usage on schema journal to syncwell_client;
do $$
declare
  v_table regclass;
begin
  for v_table in select c.oid from pg_class as c where c.relnamespace = 'journal'::regnamespace and c.relkind = 'r'
  loop
    execute format('create trigger touch before update on %s for each row execute function journal.touch()', v_table);
    execute format('alter table %s enable row level security', v_table);
    execute format(
      'create policy own_journal on %s using (user_id = (select syncwell.current_user_id()))'
      ' with check (user_id = (select syncwell.current_user_id()))', v_table
    );
    execute format('grant select, insert, update, delete on %s to syncwell_client', v_table);
  end loop;
end;
$$;
