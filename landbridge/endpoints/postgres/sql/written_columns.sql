-- How the rows of tables that are written to are found: per column the type under its domains, the operator by which
-- the primary key's index compares it, and whether equal values of its type are always the same value. place: of the
-- table among those asked for. partitioned: the rows of its partitions are its own.
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
    wanted.place,
    r.relkind = 'p' as partitioned,
    a.attname as name,
    format_type(ty.oid, ty.modifier) as type,
    a.attidentity = 'a' as fixed,
    -- not a join: the tables' own conditions find their way into this one, so that indexes are used
    coalesce((
        select format('operator(%%I.%%s)', n.nspname, o.oprname)
        from pg_index i
        cross join lateral unnest(i.indkey::int2[], i.indclass::oid[]) part (attnum, class)
        join pg_opclass c on c.oid = part.class
        join pg_amop m on m.amopfamily = c.opcfamily and m.amopstrategy = 3
            and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
        join pg_operator o on o.oid = m.amopopr
        join pg_namespace n on n.oid = o.oprnamespace
        where i.indrelid = a.attrelid and i.indisprimary and part.attnum = a.attnum
    ), 'operator(pg_catalog.=)') as equal,
    ty.oid = any (
        array['bool', 'int2', 'int4', 'int8', 'oid', 'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'bytea']
        ::regtype[]
    ) or (ty.oid = 'numeric'::regtype and ty.modifier >= 0) as exact
from unnest(%(tables)s::text[]) with ordinality wanted (name, place)
join pg_class r on r.oid = to_regclass(wanted.name)
left join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join domain d on d.oid = a.atttypid and not exists (
    select from pg_type t
    where t.oid = d.base and t.typtype = 'd'
)
cross join lateral (
    select coalesce(d.base, a.atttypid) as oid, coalesce(d.modifier, a.atttypmod) as modifier
) ty
