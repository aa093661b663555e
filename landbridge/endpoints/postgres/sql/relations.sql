-- The tables of the schemas, each followed by its partitions at any depth.
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
    join pg_class c on c.oid = i.inhrelid and c.relispartition
)
select
    f.oid::bigint as oid,
    f.root::bigint as root,
    f.level,
    n.nspname as schema,
    c.relname as name,
    c.relkind as kind,
    array(select i.inhparent::bigint from pg_inherits i where i.inhrelid = c.oid) as parents,
    pn.nspname as parent_schema,
    p.relname as parent_name,
    array(
        select array[rn.nspname, r.relname]::text[]
        from pg_inherits i
        join pg_class r on r.oid = i.inhparent
        join pg_namespace rn on rn.oid = r.relnamespace
        where i.inhrelid = c.oid and not c.relispartition
        order by i.inhseqno
    ) as inherits,
    c.relpersistence = 'u' as unlogged,
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
left join pg_inherits h on h.inhrelid = c.oid and c.relispartition
left join pg_class p on p.oid = h.inhparent
left join pg_namespace pn on pn.oid = p.relnamespace
order by f.level, n.nspname, c.relname
