/**
 * What the database looks like. A version is reached from the one before by its own step, in one
 * transaction; a step that was released never changes.
 *
 * Epochs and remote sequences are u64 in SQLite's signed integer, times are Unix milliseconds.
 * Large contents are rows of `slice`, whose key is `content << 32 | part index`.
 */
export const MIGRATIONS: readonly string[] = [
  `
  create table setting (name text primary key, value blob not null) strict, without rowid;

  -- A removed contact keeps its id and name, because what came from it stays in the inbox.
  create table contact (
    id integer primary key autoincrement,
    name text not null,
    address text,
    public_key blob,
    verified integer not null,
    capabilities integer not null,
    max_frame integer not null,
    removed integer not null default 0
  ) strict;
  create unique index contact_name on contact (name) where not removed;
  create unique index contact_key on contact (public_key) where not removed;

  -- One row a contact: where its numbering stands, and how much is queued.
  create table outbox_state (
    contact integer primary key,
    epoch integer not null,
    next integer not null,
    messages integer not null,
    items integer not null,
    bytes integer not null
  ) strict;
  -- One row a message: whole in body, or count slices of content.
  create table outbox (
    contact integer not null,
    sequence integer not null,
    count integer not null,
    content integer,
    at integer not null,
    body blob,
    primary key (contact, sequence)
  ) strict, without rowid;
  create index outbox_large on outbox (contact, sequence) where content is not null;

  -- Gives out content ids. A row stands for a content that nobody has taken over yet: what is
  -- left at start was cut off by a crash, and is swept.
  create table content (id integer primary key autoincrement) strict;
  create table slice (id integer primary key, bytes blob not null) strict;

  create table inbox (
    row integer primary key autoincrement,
    contact integer not null,
    epoch integer not null,
    sequence integer not null,
    carrier text not null,
    verified integer not null,
    at integer not null,
    content_type integer not null,
    size integer not null,
    opened integer,
    content integer,
    count integer not null,
    body blob
  ) strict;
  create index inbox_unopened on inbox (contact) where opened is null;

  create table arriving (
    content integer primary key,
    contact integer not null,
    epoch integer not null,
    first integer not null,
    count integer not null,
    parts integer not null,
    bytes integer not null,
    unique (contact, epoch, first)
  ) strict;

  create table window (
    contact integer not null,
    kind text not null,
    epoch integer not null,
    used integer not null,
    state blob not null,
    primary key (contact, kind, epoch)
  ) strict, without rowid;

  create table sensor (
    id integer primary key,
    contact integer not null,
    name text not null,
    unit text not null, -- '': none
    unique (contact, name, unit)
  ) strict;
  -- Several readings may carry the same time; n tells them apart.
  create table reading (
    sensor integer not null,
    at integer not null,
    n integer not null,
    value real not null,
    sure integer not null,
    primary key (sensor, at, n)
  ) strict, without rowid;
  `,
  `
  -- Hex of files and of samples, both: neither a new name nor a new file makes a cover new.
  create table cover_used (sha256 text primary key, at integer not null) strict, without rowid;

  create table picture_queued (
    id integer primary key autoincrement,
    contact integer not null,
    epoch integer not null,
    first integer not null,
    count integer not null, -- sequences
    at integer not null,
    size integer not null,
    content integer not null,
    slices integer not null
  ) strict;
  create index picture_queued_contact on picture_queued (contact, id);

  create table picture_restored (
    id integer primary key autoincrement,
    contact integer not null,
    epoch integer not null,
    sequence integer not null,
    at integer not null,
    width integer not null,
    height integer not null,
    depth integer not null,
    psnr real not null,
    sha256 text not null,
    size integer not null,
    content integer not null,
    slices integer not null
  ) strict;
  create index picture_restored_message on picture_restored (contact, epoch, sequence);
  `,
  `
  -- What was sent, for people to look at: how a message stands is told by whether the outbox has
  -- its row still. Of a large one only the start is kept.
  create table sent (
    row integer primary key autoincrement,
    contact integer not null,
    epoch integer not null,
    sequence integer not null,
    count integer not null,
    carrier text not null,
    at integer not null,
    size integer not null,
    start blob not null,
    acknowledged integer not null default 0 -- for letters, which have no row in the outbox
  ) strict;
  create index sent_contact on sent (contact);
  -- With inbox_unopened all of a contact's messages, at no cost when one arrives.
  create index inbox_opened on inbox (contact) where opened is not null;
  `,
  `
  -- Names a contact's readings elsewhere: ids are used again after a restored backup, names change.
  alter table contact add column tag blob;
  update contact set tag = randomblob(16);

  -- One row a place that readings are forwarded to: how far it has got in forward_queue, and with
  -- what was there before it came; sensor is null when it has got all of that.
  create table forward (
    target text primary key,
    row integer not null,
    sensor integer,
    at integer not null,
    n integer not null
  ) strict, without rowid;
  -- Readings in order of arrival, while there is such a place.
  create table forward_queue (
    row integer primary key autoincrement,
    sensor integer not null,
    at integer not null,
    n integer not null
  ) strict;
  `,
  `
  -- What each hour of a sensor held, kept with every reading, so that a year is not read row by row.
  create table reading_hour (
    sensor integer not null,
    at integer not null, -- when it begins
    count integer not null,
    min real not null,
    sum real not null,
    max real not null,
    sure integer not null, -- 1: all of them
    primary key (sensor, at)
  ) strict, without rowid;
  insert into reading_hour (sensor, at, count, min, sum, max, sure)
    select sensor, at - (at % 3600000 + 3600000) % 3600000 as hour,
      count(*), min(value), sum(value), max(value), min(sure)
    from reading group by sensor, hour;
  `,
  `
  -- All texts below stand in sent; the others are noted there some at a time. What the other
  -- columns say may be older than the outbox: rows from next on are still to be counted.
  alter table outbox_state add column listed integer not null default 0;
  update outbox_state set listed = next;

  -- As before, but without autoincrement: that is a page more in every commit that brings a
  -- message. Row numbers that were given out are not given out again, whatever is removed.
  create table inbox_last (row integer not null) strict;
  insert into inbox_last
    select coalesce((select seq from sqlite_sequence where name = 'inbox'), 0);
  create table inbox_before (
    row integer primary key,
    contact integer not null,
    epoch integer not null,
    sequence integer not null,
    carrier text not null,
    verified integer not null,
    at integer not null,
    content_type integer not null,
    size integer not null,
    opened integer,
    content integer,
    count integer not null,
    body blob
  ) strict;
  insert into inbox_before select * from inbox;
  drop table inbox;
  alter table inbox_before rename to inbox;
  create index inbox_unopened on inbox (contact) where opened is null;
  create index inbox_opened on inbox (contact) where opened is not null;
  create trigger inbox_removed after delete on inbox
    when old.row > (select row from inbox_last)
    begin update inbox_last set row = old.row; end;
  `,
  `
  -- The same of each day, of its hours. In both tables only what lies before the hour or day of a
  -- sensor's newest reading counts.
  create table reading_day (
    sensor integer not null,
    at integer not null, -- when it begins
    count integer not null,
    min real not null,
    sum real not null,
    max real not null,
    sure integer not null, -- 1: all of them
    primary key (sensor, at)
  ) strict, without rowid;
  insert into reading_day (sensor, at, count, min, sum, max, sure)
    select sensor, at - (at % 86400000 + 86400000) % 86400000 as day,
      sum(count), min(min), sum(sum), max(max), min(sure)
    from reading_hour group by sensor, day;
  `,
  `
  -- Nothing changes in form, but from here on rows of the inbox may be all that tells of what has
  -- come (messenger/windows.ts). A version that does not know that must not open the database.
  `,
];

/** "Sott", so that `file` and we can tell our database from another program's. */
export const APPLICATION_ID = 0x536f7474;
