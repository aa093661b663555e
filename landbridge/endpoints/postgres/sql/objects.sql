-- Everything else that stands in the schemas or beside them, by its name alone.
with found (kind, classid, oid, schema, name, parent) as (
    select
        case c.relkind
            when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
            else 'composite type'
        end,
        'pg_class'::regclass, c.oid, c.relnamespace, c.relname::text, null::oid
    from pg_class c
    where c.relkind in ('v', 'm', 'c') or c.relkind = 'f' and not c.relispartition
    union all
    select
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
        'pg_proc'::regclass, p.oid, p.pronamespace,
        p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', null
    from pg_proc p
    where not exists (
        -- A range type comes with its constructors.
        select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i'
    )
    union all
    select 'trigger', 'pg_trigger'::regclass, t.oid, c.relnamespace, t.tgname, c.oid
    from pg_trigger t
    join pg_class c on c.oid = t.tgrelid
    where not t.tgisinternal and t.tgparentid = 0
    union all
    select 'rule', 'pg_rewrite'::regclass, r.oid, c.relnamespace, r.rulename, c.oid
    from pg_rewrite r
    join pg_class c on c.oid = r.ev_class
    where r.rulename <> '_RETURN'
    union all
    select 'policy', 'pg_policy'::regclass, p.oid, c.relnamespace, p.polname, c.oid
    from pg_policy p
    join pg_class c on c.oid = p.polrelid
    union all
    select
        case t.typtype when 'r' then 'range type' else 'base type' end,
        'pg_type'::regclass, t.oid, t.typnamespace, t.typname, null
    from pg_type t
    where t.typtype in ('r', 'p') or t.typtype = 'b' and t.typcategory <> 'A'
    union all
    select 'collation', 'pg_collation'::regclass, c.oid, c.collnamespace, c.collname, null
    from pg_collation c
    union all
    select 'conversion', 'pg_conversion'::regclass, c.oid, c.connamespace, c.conname, null
    from pg_conversion c
    union all
    select 'operator', 'pg_operator'::regclass, o.oid, o.oprnamespace,
        o.oprname || '(' || format_type(o.oprleft, null) || ',' || format_type(o.oprright, null) || ')', null
    from pg_operator o
    union all
    select 'operator class', 'pg_opclass'::regclass, o.oid, o.opcnamespace, o.opcname || ' using ' || m.amname, null
    from pg_opclass o
    join pg_am m on m.oid = o.opcmethod
    union all
    select 'operator family', 'pg_opfamily'::regclass, o.oid, o.opfnamespace, o.opfname || ' using ' || m.amname, null
    from pg_opfamily o
    join pg_am m on m.oid = o.opfmethod
    union all
    select 'text search configuration', 'pg_ts_config'::regclass, t.oid, t.cfgnamespace, t.cfgname, null
    from pg_ts_config t
    union all
    select 'text search dictionary', 'pg_ts_dict'::regclass, t.oid, t.dictnamespace, t.dictname, null
    from pg_ts_dict t
    union all
    select 'text search parser', 'pg_ts_parser'::regclass, t.oid, t.prsnamespace, t.prsname, null
    from pg_ts_parser t
    union all
    select 'text search template', 'pg_ts_template'::regclass, t.oid, t.tmplnamespace, t.tmplname, null
    from pg_ts_template t
    union all
    select
        'partition of a table elsewhere', 'pg_class'::regclass, c.oid, c.relnamespace, c.relname, h.inhparent
    from pg_class c
    join pg_inherits h on h.inhrelid = c.oid and c.relispartition
    join pg_class r on r.oid = h.inhparent
    join pg_namespace rn on rn.oid = r.relnamespace and rn.nspname <> all (%(schemas)s)
    where c.relkind in ('r', 'p', 'f')
    union all
    select 'extended statistics', 'pg_statistic_ext'::regclass, s.oid, s.stxnamespace, s.stxname, s.stxrelid
    from pg_statistic_ext s
    union all
    select 'index of a materialized view', 'pg_class'::regclass, x.oid, x.relnamespace, x.relname, i.indrelid
    from pg_index i
    join pg_class x on x.oid = i.indexrelid
    join pg_class c on c.oid = i.indrelid and c.relkind = 'm'
    union all
    select 'storage parameters', 'pg_class'::regclass, c.oid, c.relnamespace, c.relname, i.indrelid
    from pg_class c
    left join pg_index i on i.indexrelid = c.oid
    where c.reloptions is not null and c.relkind in ('r', 'p', 'i', 'I') and (c.relkind in ('r', 'p') or not c.relispartition)
    union all
    -- A comment that the model has no place for.
    select 'comment on a constraint', 'pg_constraint'::regclass, k.oid, c.relnamespace, k.conname, c.oid
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_description d on d.classoid = 'pg_constraint'::regclass and d.objoid = k.oid
    where k.contype in ('p', 'c', 'f', 'n')
    union all
    select 'comment on a sequence', 'pg_class'::regclass, c.oid, c.relnamespace, c.relname, null
    from pg_class c
    join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
    where c.relkind = 'S'
    union all
    select 'comment on a partition', 'pg_class'::regclass, c.oid, c.relnamespace, c.relname, null
    from pg_class c
    join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid
    where c.relispartition and c.relkind in ('r', 'p', 'f')
),
database_wide (kind, classid, oid, schema, name) as (
    select 'extension', 'pg_extension'::regclass, e.oid, n.nspname, e.extname::text
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
    where e.extname <> 'plpgsql'
    union all
    select 'event trigger', 'pg_event_trigger'::regclass, e.oid, '', e.evtname
    from pg_event_trigger e
    union all
    select 'cast', 'pg_cast'::regclass, c.oid, '',
        format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null)
    from pg_cast c
    where c.oid >= 16384
        and not exists (
            -- A range type comes with a cast to its multirange.
            select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype = 'i'
        )
    union all
    select 'language', 'pg_language'::regclass, l.oid, '', l.lanname
    from pg_language l
    where l.oid >= 16384
    union all
    select 'foreign data wrapper', 'pg_foreign_data_wrapper'::regclass, f.oid, '', f.fdwname
    from pg_foreign_data_wrapper f
    union all
    select 'foreign server', 'pg_foreign_server'::regclass, s.oid, '', s.srvname
    from pg_foreign_server s
    union all
    select 'large objects', 'pg_largeobject'::regclass, null, '', count(*) || ' large objects'
    from pg_largeobject_metadata
    having count(*) > 0
    union all
    select 'comment on a schema', 'pg_namespace'::regclass, n.oid, n.nspname, n.nspname
    from pg_namespace n
    join pg_description d on d.classoid = 'pg_namespace'::regclass and d.objoid = n.oid
    where n.nspname = any (%(schemas)s) and n.nspname <> 'public'
),
all_found (kind, classid, oid, schema, name, parent) as (
    select f.kind, f.classid, f.oid, n.nspname, f.name, f.parent
    from found f
    join pg_namespace n on n.oid = f.schema and n.nspname = any (%(schemas)s)
    union all
    select d.kind, d.classid, d.oid, d.schema, d.name, null
    from database_wide d
)
select a.kind, a.schema, a.name, pn.nspname as parent_schema, pc.relname as parent_name
from all_found a
left join pg_class pc on pc.oid = a.parent
left join pg_namespace pn on pn.oid = pc.relnamespace
where not exists (
    select from pg_depend d
    where d.classid = a.classid and d.objid = a.oid and d.deptype = 'e'
)
    and not exists (
        -- Nor what hangs on a table that belongs to an extension.
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = a.parent and d.deptype = 'e'
    )
order by a.kind, a.schema, a.name, pn.nspname, pc.relname
