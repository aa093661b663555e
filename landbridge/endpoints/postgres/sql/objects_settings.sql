-- What tables, partitions and indexes are set to beside their definition.
select
    'storage parameters' as kind, 'pg_class'::regclass as classid, c.oid, n.nspname as schema, c.relname::text as name,
    i.indrelid as parent,
    array(
        select format('ALTER %s %s SET (%s)', case when i.indexrelid is null then 'TABLE' else 'INDEX' end, c.oid::regclass, o.option)
        from unnest(c.reloptions) as o (option)
    ) as definition
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_index i on i.indexrelid = c.oid
where c.reloptions is not null and c.relkind in ('r', 'p', 'i', 'I') and (c.relkind in ('r', 'p') or not c.relispartition)
union all
select
    'replica identity', 'pg_class'::regclass, x.oid, n.nspname, x.relname::text, c.oid,
    array[format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', c.oid::regclass, x.relname)]
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relreplident = 'i' and i.indisreplident
union all
select
    'cluster mark', 'pg_class'::regclass, x.oid, n.nspname, x.relname::text, c.oid,
    array[format('ALTER TABLE %s CLUSTER ON %I', c.oid::regclass, x.relname)]
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid and c.relkind in ('r', 'p')
join pg_namespace n on n.oid = c.relnamespace
where i.indisclustered
