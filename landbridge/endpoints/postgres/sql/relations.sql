-- The tables of the schemas, each followed by what inherits from it (partitions and old-style children), at any depth.
-- Identity: what a change carries of the row before it. A deferrable primary key identifies nothing.
with recursive family (oid, root, level) as (
    select c.oid, c.oid, 0
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any (%(schemas)s)
        and c.relkind in ('r', 'p')
        and c.relpersistence <> 't'
        and not c.relispartition
        and not exists (
            select from pg_depend d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        )
    union all
    select i.inhrelid, f.root, f.level + 1
    from family f
    join pg_inherits i on i.inhparent = f.oid
)
select
    f.oid::bigint as oid,
    f.root::bigint as root,
    f.level,
    n.nspname as schema,
    c.relname as name,
    c.relkind as kind,
    c.relispartition as is_partition,
    c.relpersistence = 'u' as unlogged,
    c.relrowsecurity as row_security,
    coalesce((select i.inhdetachpending from pg_inherits i where i.inhrelid = c.oid and c.relispartition), false)
        as detaching,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partitioned_by,
    pg_get_expr(c.relpartbound, c.oid) as bound,
    case
        when c.relreplident = 'f' then 'full'
        when exists (
            select from pg_index i
            where i.indrelid = c.oid
                and i.indisprimary
                and i.indimmediate
                and (c.relreplident = 'd' or c.relreplident = 'i' and i.indisreplident)
        ) then 'key'
        else 'none'
    end as identity,
    (case when c.reltuples > 0 then c.reltuples else coalesce(pg_stat_get_live_tuples(c.oid), 0) end)::bigint as rows,
    case when c.relkind = 'r' then pg_table_size(c.oid) else 0 end as bytes,
    coalesce(obj_description(c.oid, 'pg_class'), '') as comment
from family f
join pg_class c on c.oid = f.oid
join pg_namespace n on n.oid = c.relnamespace
order by f.level, n.nspname, c.relname
