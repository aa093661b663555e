-- Enums and domains of the schemas, and those that the tables use wherever they are; what a type rests on comes first.
with recursive used (oid) as (
    select a.atttypid
    from pg_attribute a
    where a.attrelid = any (%(tables)s::oid[]) and a.attnum > 0 and not a.attisdropped
    union
    select t.oid
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    where n.nspname = any (%(schemas)s) and t.typtype in ('d', 'e')
    union
    select inner_.oid
    from used u
    join pg_type t on t.oid = u.oid
    cross join lateral (values (t.typbasetype), (t.typelem)) inner_ (oid)
    where inner_.oid <> 0
)
select
    'pg_type'::regclass::oid::bigint as classid,
    t.oid::bigint as oid,
    n.nspname as schema,
    t.typname as name,
    (select array_agg(l.enumlabel::text order by l.enumsortorder) from pg_enum l where l.enumtypid = t.oid) as labels,
    t.typtype = 'd' as is_domain,
    format_type(t.typbasetype, t.typtypmod) as base,
    case when t.typcollation <> b.typcollation then quote_ident(cn.nspname) || '.' || quote_ident(c.collname) end
        as collation,
    pg_get_expr(t.typdefaultbin, 'pg_type'::regclass) as "default",
    t.typnotnull as not_null,
    array(
        select 'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
        from pg_constraint k
        where k.contypid = t.oid and k.contype = 'c' and k.convalidated
        order by k.conname
    ) as checks,
    array(
        select array[k.conname, 'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)]::text[]
        from pg_constraint k
        where k.contypid = t.oid and k.contype = 'c' and not k.convalidated
        order by k.conname
    ) as unproven,
    coalesce(obj_description(t.oid, 'pg_type'), '') as comment
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype
left join pg_collation c on c.oid = t.typcollation
left join pg_namespace cn on cn.oid = c.collnamespace
where t.oid in (select u.oid from used u)
    and t.typtype in ('d', 'e')
    and n.nspname not in ('pg_catalog', 'information_schema')
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
    )
order by t.oid
