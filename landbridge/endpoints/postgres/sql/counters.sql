-- The sequence behind each wanted counter: itself, or that of an identity column, or that of a column's default.
select
    w.place::int - 1 as place,
    s.oid::bigint as oid,
    sn.nspname as schema,
    sc.relname as name,
    q.seqstart as start,
    q.seqincrement as increment,
    q.seqmin as minimum,
    q.seqmax as maximum,
    q.seqcycle as cycle,
    r.readable,
    has_sequence_privilege(s.oid, 'UPDATE') as writable,
    case when r.readable then pg_sequence_last_value(s.oid) end as last
from unnest(%(schemas)s::text[], %(names)s::text[], %(columns)s::text[])
    with ordinality as w (schema, name, "column", place)
left join pg_namespace n on n.nspname = w.schema
left join pg_class c on c.relnamespace = n.oid and c.relname = w.name
left join pg_attribute a on a.attrelid = c.oid and a.attname = w."column" and not a.attisdropped
left join lateral (
    select c.oid
    where w."column" is null and c.relkind = 'S'
    union all
    select d.objid
    from pg_depend d
    join pg_class i on i.oid = d.objid and i.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
        and d.refobjid = c.oid and d.refobjsubid = a.attnum
    union all
    select p.refobjid
    from pg_attrdef f
    join pg_depend p
        on p.classid = 'pg_attrdef'::regclass and p.objid = f.oid and p.refclassid = 'pg_class'::regclass
    join pg_class u on u.oid = p.refobjid and u.relkind = 'S'
    where f.adrelid = c.oid and f.adnum = a.attnum
    limit 1
) s on true
left join pg_class sc on sc.oid = s.oid
left join pg_namespace sn on sn.oid = sc.relnamespace
left join pg_sequence q on q.seqrelid = s.oid
cross join lateral (
    values (has_sequence_privilege(s.oid, 'SELECT') and has_schema_privilege(sn.oid, 'USAGE'))
) r (readable)
order by w.place
