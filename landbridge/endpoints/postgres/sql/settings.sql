-- What tables and partitions are set to beside their definition, each as a clause of ALTER TABLE.
select s."table", s.schema, s.name, s.clause
from (
    select
        c.oid::bigint as "table", n.nspname as schema, c.relname as name,
        'SET (' || array_to_string(c.reloptions, ', ') || ')' as clause
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.reloptions is not null
    union all
    select
        c.oid, n.nspname, c.relname,
        'SET (' || (select string_agg('toast.' || o.option, ', ' order by o.place) from unnest(t.reloptions) with ordinality as o (option, place)) || ')'
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_class t on t.oid = c.reltoastrelid
    where c.relkind = 'r' and t.reloptions is not null
    union all
    select c.oid, n.nspname, c.relname, 'SET UNLOGGED'
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'u'
    union all
    select
        c.oid, n.nspname, c.relname,
        'REPLICA IDENTITY ' || case c.relreplident when 'f' then 'FULL' else 'NOTHING' end
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relreplident in ('f', 'n')
    union all
    select c.oid, n.nspname, c.relname, 'ALTER COLUMN ' || quote_ident(a.attname) || ' ' || x.clause
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    cross join lateral (
        select 'SET STORAGE '
            || case a.attstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL' when 'm' then 'MAIN' else 'EXTENDED' end
        where a.attstorage <> t.typstorage
        union all
        select 'SET COMPRESSION ' || case a.attcompression when 'l' then 'lz4' else 'pglz' end
        where a.attcompression in ('l', 'p')
        union all
        select 'SET STATISTICS ' || a.attstattarget
        where a.attstattarget >= 0
        union all
        select 'SET (' || array_to_string(a.attoptions, ', ') || ')'
        where a.attoptions is not null
    ) x (clause)
    where c.relkind in ('r', 'p')
) s
