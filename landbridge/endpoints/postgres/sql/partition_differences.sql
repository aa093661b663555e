-- What a partition has, or a table that inherits, that its parent has not and that no other query tells.
select
    x.kind || case when pc.relispartition then ' of a partition' else ' of a table that inherits' end as kind,
    pn.nspname as schema,
    pc.relname as "table",
    pa.attname as name,
    format('ALTER TABLE ONLY %%s ALTER COLUMN %%I %%s', pc.oid::regclass, pa.attname, x.change) as definition
from unnest(%(partitions)s::oid[], %(roots)s::oid[]) as pair (partition, root)
join pg_class pc on pc.oid = pair.partition
join pg_namespace pn on pn.oid = pc.relnamespace
join pg_attribute pa on pa.attrelid = pair.partition and pa.attnum > 0 and not pa.attisdropped
join pg_attribute ra on ra.attrelid = pair.root and ra.attname = pa.attname and not ra.attisdropped
left join pg_attrdef pd on pd.adrelid = pa.attrelid and pd.adnum = pa.attnum
left join pg_attrdef rd on rd.adrelid = ra.attrelid and rd.adnum = ra.attnum
cross join lateral (
    select 'default', coalesce('SET DEFAULT ' || pg_get_expr(pd.adbin, pd.adrelid), 'DROP DEFAULT')
    where pg_get_expr(pd.adbin, pd.adrelid) is distinct from pg_get_expr(rd.adbin, rd.adrelid) and pa.attgenerated = ''
    union all
    select 'not null', case when pa.attnotnull then 'SET NOT NULL' else 'DROP NOT NULL' end
    where pa.attnotnull is distinct from ra.attnotnull
) x (kind, change)
order by pn.nspname, pc.relname, pa.attnum, x.kind
