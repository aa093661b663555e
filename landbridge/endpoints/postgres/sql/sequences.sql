-- The sequences of the schemas, and those that the tables' defaults use wherever they are. `last` is null for a
-- sequence never used since it was made or set, and for one we may not read.
select
    c.oid::bigint as oid,
    n.nspname as schema,
    c.relname as name,
    format_type(s.seqtypid, null) as type,
    s.seqstart as start,
    s.seqincrement as increment,
    s.seqmin as minimum,
    s.seqmax as maximum,
    s.seqcache as cache,
    s.seqcycle as cycle,
    on_.nspname as owner_schema,
    o.relname as owner_table,
    a.attname as owner_column,
    coalesce(d.deptype = 'i', false) as identity,
    r.readable,
    case when r.readable then pg_sequence_last_value(c.oid) end as last
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    values (has_sequence_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE'))
) r (readable)
left join pg_depend d
    on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
left join pg_class o on o.oid = d.refobjid
left join pg_namespace on_ on on_.oid = o.relnamespace
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where c.relpersistence <> 't'
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
    and (
        n.nspname = any (%(schemas)s)
        or c.oid in (
            select p.refobjid
            from pg_attrdef f
            join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = f.oid
            where f.adrelid = any (%(tables)s::oid[]) and p.refclassid = 'pg_class'::regclass
        )
    )
order by n.nspname, c.relname
