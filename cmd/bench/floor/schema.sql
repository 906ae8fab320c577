create table accounts (
  id text primary key,
  balance bigint not null check (balance >= 0),
  version bigint not null
) with (fillfactor = 70);

create table events (
  account_id text not null,
  version bigint not null,
  type text not null,
  amount bigint not null check (amount > 0),
  reference text not null,
  key text,
  balance bigint not null,
  at timestamptz not null default clock_timestamp(),
  primary key (account_id, version)
);

-- Keys are absent where the service is lean.
create unique index events_key on events (key) where key is not null;

-- Appends the event at the next version and moves the balance, or returns what the key's first
-- command was answered, or no row: an overdraft, or no such account. The update locks the account.
create function apply(p_key text, p_account text, p_type text, p_amount bigint, p_reference text)
returns table (o_version bigint, o_balance bigint, o_repeated boolean)
language sql as $$
  with seen as (
    select version, balance from events where key = p_key
  ), moved as (
    update accounts
    set balance = balance + case p_type when 'credited' then p_amount else -p_amount end, version = version + 1
    where id = p_account and (p_type = 'credited' or balance >= p_amount) and not exists (select from seen)
    returning version, balance
  ), appended as (
    insert into events (account_id, version, type, amount, reference, key, balance)
    select p_account, version, p_type, p_amount, p_reference, p_key, balance from moved
  )
  select version, balance, false from moved union all select version, balance, true from seen
$$;

-- Without keys.
create function apply_lean(p_account text, p_type text, p_amount bigint, p_reference text)
returns table (o_version bigint, o_balance bigint, o_repeated boolean)
language sql as $$
  with moved as (
    update accounts
    set balance = balance + case p_type when 'credited' then p_amount else -p_amount end, version = version + 1
    where id = p_account and (p_type = 'credited' or balance >= p_amount)
    returning version, balance
  ), appended as (
    insert into events (account_id, version, type, amount, reference, balance)
    select p_account, version, p_type, p_amount, p_reference, balance from moved
  )
  select version, balance, false from moved
$$;
