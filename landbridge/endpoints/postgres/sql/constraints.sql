-- Checks and foreign keys of tables and partitions, and NOT NULL that is not proven, but for those that came down from
-- the root.
select
    k.conrelid::bigint as "table",
    k.conname as name,
    k.contype as type,
    k.convalidated as valid,
    pg_get_expr(k.conbin, k.conrelid) as expression,
    rn.nspname as target_schema,
    r.relname as target_name,
    array(
        select a.attname::text
        from unnest(k.conkey) with ordinality as p (attnum, place)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.attnum
        order by p.place
    ) as columns,
    array(
        select a.attname::text
        from unnest(k.confkey) with ordinality as p (attnum, place)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.attnum
        order by p.place
    ) as target_columns,
    k.confdeltype as on_delete,
    k.confupdtype as on_update,
    k.condeferrable as deferrable,
    k.condeferred as deferred,
    k.confmatchtype = 'f' as match_full,
    coalesce(i.indisexclusion, false) as temporal,
    k.connoinherit and k.contype = 'c' as alone,
    pg_get_constraintdef(k.oid) as constraint_definition
from pg_constraint k
left join pg_class r on r.oid = k.confrelid
left join pg_namespace rn on rn.oid = r.relnamespace
left join pg_index i on i.indexrelid = k.conindid
where k.conrelid = any (%(tables)s::oid[])
    and (k.contype in ('c', 'f') or k.contype = 'n' and not k.convalidated)
    and k.conparentid = 0
    and k.coninhcount = 0
order by k.conrelid, k.conname
