-- What a partition has that its root has not and that no other query tells.
select
    case
        when pg_get_expr(pd.adbin, pd.adrelid) is distinct from pg_get_expr(rd.adbin, rd.adrelid)
            then 'default of a partition'
        else 'not null of a partition'
    end as kind,
    pn.nspname as schema,
    pc.relname as "table",
    pa.attname as name
from unnest(%(partitions)s::oid[], %(roots)s::oid[]) as pair (partition, root)
join pg_class pc on pc.oid = pair.partition
join pg_namespace pn on pn.oid = pc.relnamespace
join pg_attribute pa on pa.attrelid = pair.partition and pa.attnum > 0 and not pa.attisdropped
join pg_attribute ra on ra.attrelid = pair.root and ra.attname = pa.attname and not ra.attisdropped
left join pg_attrdef pd on pd.adrelid = pa.attrelid and pd.adnum = pa.attnum
left join pg_attrdef rd on rd.adrelid = ra.attrelid and rd.adnum = ra.attnum
where pg_get_expr(pd.adbin, pd.adrelid) is distinct from pg_get_expr(rd.adbin, rd.adrelid)
    or pa.attnotnull is distinct from ra.attnotnull
order by pn.nspname, pc.relname, pa.attnum
