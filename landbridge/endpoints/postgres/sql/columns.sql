-- The columns of tables, each with the type that a domain rests on in the end.
with recursive domain (oid, base, modifier) as (
    select t.oid, t.typbasetype, t.typtypmod
    from pg_type t
    where t.typtype = 'd'
    union all
    select d.oid, t.typbasetype, t.typtypmod
    from domain d
    join pg_type t on t.oid = d.base
    where t.typtype = 'd'
)
select
    a.attrelid::bigint as "table",
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as native,
    coalesce(format_type(b.base, b.modifier), format_type(a.atttypid, a.atttypmod)) as base,
    not a.attnotnull or exists (
        -- Since version 18 a column can be NOT NULL for new rows only, while older ones hold NULL.
        select from pg_constraint k
        where k.conrelid = a.attrelid and k.contype = 'n' and not k.convalidated and k.conkey = array[a.attnum]
    ) as nullable,
    nullif(a.attidentity, '') as identity,
    nullif(a.attgenerated, '') as generated,
    pg_get_expr(d.adbin, d.adrelid) as expression,
    s.schema as sequence_schema,
    s.name as sequence_name,
    case
        when a.attcollation <> t.typcollation then quote_ident(cn.nspname) || '.' || quote_ident(c.collname)
    end as collation,
    coalesce(col_description(a.attrelid, a.attnum), '') as comment,
    not a.attislocal as inherited,
    a.attnum::int as number
from pg_attribute a
join pg_type t on t.oid = a.atttypid
left join (
    select d.*
    from domain d
    join pg_type t on t.oid = d.base and t.typtype <> 'd'
) b on b.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_collation c on c.oid = a.attcollation
left join pg_namespace cn on cn.oid = c.collnamespace
left join lateral (
    select sn.nspname as schema, sc.relname as name
    from pg_depend p
    join pg_class sc on sc.oid = p.refobjid and sc.relkind = 'S'
    join pg_namespace sn on sn.oid = sc.relnamespace
    where p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
    limit 1
) s on true
where a.attrelid = any (%(tables)s::oid[])
    and a.attnum > 0
    and not a.attisdropped
order by a.attrelid, a.attnum
