-- What expressions may refer to. Everything of pg_catalog is taken for granted, but for collations: those come from
-- the operating system.
select 'collation' as what, n.nspname as schema, c.collname as name
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where c.collencoding in (-1, (select d.encoding from pg_database d where d.datname = current_database()))
union
select x.what, n.nspname, x.name
from (
    select 'function', pronamespace, proname from pg_proc
    union all
    select 'operator', oprnamespace, oprname from pg_operator
    union all
    select 'other', typnamespace, typname from pg_type
    union all
    select 'other', opcnamespace, opcname from pg_opclass
    union all
    select 'other', collnamespace, collname from pg_collation
    union all
    select 'other', relnamespace, relname from pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'other', cfgnamespace, cfgname from pg_ts_config
    union all
    select 'other', dictnamespace, dictname from pg_ts_dict
) x (what, namespace, name)
join pg_namespace n on n.oid = x.namespace
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
