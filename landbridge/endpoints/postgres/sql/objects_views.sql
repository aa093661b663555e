-- Views and materialized views, and the indexes of the latter. A view's column may have a default of its own.
select
    case c.relkind when 'v' then 'view' else 'materialized view' end as kind,
    'pg_class'::regclass as classid,
    c.oid,
    n.nspname as schema,
    c.relname::text as name,
    null::oid as parent,
    array[format(
        'CREATE %s %s%s AS%s%s%s',
        case c.relkind when 'v' then 'VIEW' else 'MATERIALIZED VIEW' end,
        c.oid::regclass,
        ' WITH (' || array_to_string(c.reloptions, ', ') || ')',
        e'\n',
        rtrim(pg_get_viewdef(c.oid), ';'),
        case c.relkind when 'm' then e'\n WITH NO DATA' end
    )]
    || case when c.relkind = 'm' and c.relispopulated then format('REFRESH MATERIALIZED VIEW %s', c.oid::regclass) end
    || array(
        select format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', c.oid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid))
        from pg_attrdef d
        join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where d.adrelid = c.oid and c.relkind = 'v'
        order by d.adnum
    ) as definition
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm')
union all
select
    'index of a materialized view', 'pg_class'::regclass, x.oid, n.nspname, x.relname::text, c.oid,
    array[pg_get_indexdef(x.oid)] || case when i.indisclustered then format('ALTER MATERIALIZED VIEW %s CLUSTER ON %I', c.oid::regclass, x.relname) end
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid and c.relkind = 'm'
join pg_namespace n on n.oid = x.relnamespace
