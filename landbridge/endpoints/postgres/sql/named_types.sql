-- What types of one's own consist of: labels of enums, the base of domains, fields of row types (of a table's too, when
-- a column or a field has it).
select
    format_type(t.oid, null) as printed,
    t.typtype::text as what,
    n.nspname as schema,
    t.typname as name,
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
    array(select l.enumlabel::text from pg_enum l where l.enumtypid = t.oid order by l.enumsortorder) as labels,
    array(
        select a.attname::text
        from pg_attribute a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as fields,
    array(
        select format_type(a.atttypid, a.atttypmod)
        from pg_attribute a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as types
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and (
        t.typtype in ('d', 'e')
        or t.typtype = 'c' and exists (
            select from pg_attribute a
            where a.atttypid in (t.oid, t.typarray) and a.attnum > 0 and not a.attisdropped
        )
    )
