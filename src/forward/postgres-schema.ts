/** What is made and asked in PostgreSQL. docs/SCALE.md shows the tables; a test keeps both equal. */

/**
 * Of each connection: what is acknowledged has to survive a crash of the server, whatever its
 * settings, and no statement may take longer than who waits for it.
 */
export const PREPARE = `
select set_config('synchronous_commit', 'on', false)
where current_setting('synchronous_commit') = 'off'`;

export const TABLES = `
select to_regclass('sotto_sensor') is not null and to_regclass('sotto_reading') is not null
  and to_regclass('sotto_readings') is not null as there`;

/** One transaction; the lock keeps two peers from making them at the same time. */
export const SCHEMA = `
begin;
select pg_advisory_xact_lock(6004228417);
create table if not exists sotto_sensor (
  id integer generated always as identity primary key,
  device_id uuid not null,
  peer text not null,
  device text not null,
  name text not null,
  unit text not null,
  unique (device_id, name, unit)
);
create table if not exists sotto_reading (
  sensor integer not null references sotto_sensor,
  at timestamptz not null,
  n integer not null,
  value double precision not null,
  sure boolean not null,
  primary key (sensor, at, n)
);
create or replace view sotto_readings as
  select peer, device, name, unit, at, value, sure
  from sotto_reading join sotto_sensor on sotto_sensor.id = sensor;
commit`;

/** $1 who forwards, $2 … $5 a sensor each. */
export const SENSORS = `
insert into sotto_sensor (peer, device_id, device, name, unit)
select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[])
on conflict (device_id, name, unit) do update set peer = excluded.peer, device = excluded.device
returning id, device_id, name, unit`;

/** $1 … $5 a reading each. */
export const INSERT = `
insert into sotto_reading (sensor, at, n, value, sure)
select sensor, to_timestamp(seconds), n, value, sure
from unnest($1::integer[], $2::double precision[], $3::integer[], $4::double precision[],
  $5::boolean[]) as row (sensor, seconds, n, value, sure)
on conflict do nothing`;
