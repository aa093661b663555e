-- Extended statistics, extensions, and what is only told of by its name: whatever needs a library, a role, a password or
-- another server.
select
    'extended statistics' as kind,
    'pg_statistic_ext'::regclass as classid,
    s.oid,
    n.nspname as schema,
    s.stxname::text as name,
    s.stxrelid as parent,
    array[pg_get_statisticsobjdef(s.oid)]
    || case when s.stxstattarget >= 0 then format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname, s.stxstattarget) end
        as definition
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
union all
select
    'extension', 'pg_extension'::regclass, e.oid, '', e.extname::text, null,
    array[format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname), format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', e.extname, n.nspname)]
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
union all
select
    'partition of a table elsewhere', 'pg_class'::regclass, c.oid, n.nspname, c.relname::text, h.inhparent, null
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_inherits h on h.inhrelid = c.oid and c.relispartition
join pg_class r on r.oid = h.inhparent
where c.relkind in ('r', 'p', 'f') and r.relnamespace <> c.relnamespace
union all
select 'foreign table', 'pg_class'::regclass, c.oid, n.nspname, c.relname::text, null, null
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'f' and not c.relispartition
union all
select 'conversion', 'pg_conversion'::regclass, c.oid, n.nspname, c.conname::text, null, null
from pg_conversion c
join pg_namespace n on n.oid = c.connamespace
union all
select 'operator class', 'pg_opclass'::regclass, o.oid, n.nspname, o.opcname || ' using ' || m.amname, null, null
from pg_opclass o
join pg_namespace n on n.oid = o.opcnamespace
join pg_am m on m.oid = o.opcmethod
union all
select 'operator family', 'pg_opfamily'::regclass, o.oid, n.nspname, o.opfname || ' using ' || m.amname, null, null
from pg_opfamily o
join pg_namespace n on n.oid = o.opfnamespace
join pg_am m on m.oid = o.opfmethod
union all
select 'text search parser', 'pg_ts_parser'::regclass, t.oid, n.nspname, t.prsname::text, null, null
from pg_ts_parser t
join pg_namespace n on n.oid = t.prsnamespace
union all
select 'text search template', 'pg_ts_template'::regclass, t.oid, n.nspname, t.tmplname::text, null, null
from pg_ts_template t
join pg_namespace n on n.oid = t.tmplnamespace
union all
select
    'event trigger', 'pg_event_trigger'::regclass, e.oid, '', e.evtname::text, null,
    array[format(
        'CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s()', e.evtname, e.evtevent,
        ' WHEN TAG IN (' || (select string_agg(quote_literal(tag), ', ') from unnest(e.evttags) tag) || ')', e.evtfoid::regproc
    )]
    || case
        when e.evtenabled <> 'O' then format(
            'ALTER EVENT TRIGGER %I %s', e.evtname,
            case e.evtenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' else 'ENABLE ALWAYS' end
        )
    end
from pg_event_trigger e
union all
select 'language', 'pg_language'::regclass, l.oid, '', l.lanname::text, null, null
from pg_language l
where l.oid >= 16384
union all
select 'foreign data wrapper', 'pg_foreign_data_wrapper'::regclass, f.oid, '', f.fdwname::text, null, null
from pg_foreign_data_wrapper f
union all
select 'foreign server', 'pg_foreign_server'::regclass, s.oid, '', s.srvname::text, null, null
from pg_foreign_server s
union all
select 'publication', 'pg_publication'::regclass, p.oid, '', p.pubname::text, null, null
from pg_publication p
where p.pubname !~ '^landbridge_'
union all
select 'subscription', 'pg_subscription'::regclass, s.oid, '', s.subname::text, null, null
from pg_subscription s
join pg_database d on d.oid = s.subdbid and d.datname = current_database()
union all
select 'large objects', 'pg_largeobject'::regclass, null, '', count(*) || ' large objects', null, null
from pg_largeobject_metadata
having count(*) > 0
union all
select 'security labels', 'pg_seclabel'::regclass, null, '', count(*) || ' security labels', null, null
from pg_seclabel
having count(*) > 0
