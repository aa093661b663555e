-- Comments that the model has no place for: it has one for those of tables, their columns and indexes, enums and domains.
select
    'comment on a ' || case
        when c.relispartition and d.objsubid = 0 then 'partition'
        when i.type = 'table constraint' then 'constraint'
        else i.type
    end as kind,
    d.classoid as classid,
    d.objoid as oid,
    coalesce(n.nspname, i.schema, '') as schema,
    coalesce(k.conname, t.tgname, r.rulename, p.polname, a.attname, i.name, i.identity)::text as name,
    pc.oid as parent,
    array[format(
        'COMMENT ON %s %s IS %L',
        case
            when i.type like '%column' then 'COLUMN'
            when i.type like '%constraint' then 'CONSTRAINT'
            when i.type = 'composite type' then 'TYPE'
            when i.type = 'statistics object' then 'STATISTICS'
            when i.type = 'foreign-data wrapper' then 'FOREIGN DATA WRAPPER'
            else upper(i.type)
        end,
        case when k.contypid <> 0 then format('%I ON DOMAIN %s', k.conname, k.contypid::regtype) else i.identity end,
        d.description
    )] as definition
from pg_description d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
left join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
left join pg_index x on x.indexrelid = c.oid
left join pg_class xc on xc.oid = x.indrelid
left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid <> 0
left join pg_constraint k on d.classoid = 'pg_constraint'::regclass and k.oid = d.objoid
left join pg_trigger t on d.classoid = 'pg_trigger'::regclass and t.oid = d.objoid
left join pg_rewrite r on d.classoid = 'pg_rewrite'::regclass and r.oid = d.objoid
left join pg_policy p on d.classoid = 'pg_policy'::regclass and p.oid = d.objoid
left join pg_class pc on pc.oid = coalesce(nullif(k.conrelid, 0), t.tgrelid, r.ev_class, p.polrelid, a.attrelid, x.indrelid)
left join pg_type kt on kt.oid = k.contypid
left join pg_namespace n on n.oid = coalesce(pc.relnamespace, kt.typnamespace)
left join pg_type ty on d.classoid = 'pg_type'::regclass and ty.oid = d.objoid
where d.objoid >= 16384
    and d.classoid <> 'pg_extension'::regclass
    and d.classoid <> 'pg_largeobject'::regclass
    and coalesce(c.relkind not in ('r', 'p') or c.relispartition, true)
    and coalesce(xc.relkind not in ('r', 'p'), true)
    and coalesce(k.contype <> 'u', true)
    and coalesce(ty.typtype not in ('e', 'd'), true)
