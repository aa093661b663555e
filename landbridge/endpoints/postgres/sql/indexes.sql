-- The indexes of tables and partitions, but for those that a partition has from its root. `definition` is what the
-- server prints, `head` its beginning up to the parenthesis before the parts.
select
    i.indrelid::bigint as "table",
    ic.relname as name,
    i.indisunique as "unique",
    i.indisprimary as "primary",
    i.indisexclusion as exclusion,
    i.indisvalid as valid,
    coalesce(k.contype in ('p', 'u'), false) as is_constraint,
    coalesce(k.condeferrable, false) as deferrable,
    coalesce(k.condeferred, false) as deferred,
    am.amname as method,
    array(
        select a.attname::text
        from unnest(i.indkey) with ordinality as p (attnum, place)
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = p.attnum and p.attnum <> 0
        order by p.place
    ) as columns,
    array(
        select pg_get_indexdef(i.indexrelid, place, false)
        from generate_series(1, i.indnkeyatts) as place
        order by place
    ) as texts,
    i.indnkeyatts as parts,
    coalesce(ic.reloptions, '{}')::text[] as settings,
    i.indoption::int2[]::int[] as options,
    'CREATE ' || case when i.indisunique then 'UNIQUE ' else '' end || 'INDEX ' || quote_ident(ic.relname)
        || ' ON ' || case when ic.relkind = 'I' then 'ONLY ' else '' end
        || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' USING ' || quote_ident(am.amname) || ' (' as head,
    pg_get_indexdef(i.indexrelid) as definition,
    pg_get_expr(i.indpred, i.indrelid) as predicate,
    pg_get_constraintdef(k.oid) as constraint_definition,
    coalesce(obj_description(k.oid, 'pg_constraint'), obj_description(i.indexrelid, 'pg_class'), '') as comment
from pg_index i
join pg_class ic on ic.oid = i.indexrelid
join pg_am am on am.oid = ic.relam
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
where i.indrelid = any (%(tables)s::oid[])
    and not ic.relispartition
order by n.nspname, c.relname, ic.relname
