-- The numeric columns that take their values from sequences: by identity, by owning the sequence, by their default.
select distinct
    used.sequence::bigint as sequence,
    n.nspname as schema,
    c.relname as "table",
    a.attname as "column",
    t.typname in ('int2', 'int4', 'int8') as whole
from (
    select d.objid, d.refobjid, d.refobjsubid
    from pg_depend d
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
        and d.objid = any (%(sequences)s::oid[]) and d.deptype in ('a', 'i')
    union
    select p.refobjid, f.adrelid, f.adnum
    from pg_depend p
    join pg_attrdef f on f.oid = p.objid
    where p.classid = 'pg_attrdef'::regclass and p.refclassid = 'pg_class'::regclass
        and p.refobjid = any (%(sequences)s::oid[])
) used (sequence, "table", "column")
join pg_class c on c.oid = used."table" and c.relkind in ('r', 'p') and not c.relispartition
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = used."column" and not a.attisdropped
join pg_type t on t.oid = a.atttypid and t.typcategory = 'N'
order by 1, 2, 3, 4
