-- Which object needs which: the catalog's own record, with what has no name of its own (a default, a constraint, the
-- query of a view, a row or array type) told as the relation or type that it belongs to, and all of an extension as it.
with edge (classid, objid, refclassid, refobjid) as (
    select distinct d.classid, d.objid, d.refclassid, d.refobjid
    from pg_depend d
    where d.objid >= 16384 and d.refobjid >= 16384 and d.deptype in ('n', 'a', 'i')
),
node (classid, objid, owner_class, owner) as (
    select e.classid, e.objid, o.classid, o.oid
    from (select classid, objid from edge union select refclassid, refobjid from edge) e
    cross join lateral (
        select 'pg_class'::regclass::oid, r.ev_class
        from pg_rewrite r
        where e.classid = 'pg_rewrite'::regclass and r.oid = e.objid and r.rulename = '_RETURN'
        union all
        select 'pg_class'::regclass, f.adrelid
        from pg_attrdef f
        where e.classid = 'pg_attrdef'::regclass and f.oid = e.objid
        union all
        select
            case when k.conrelid <> 0 then 'pg_class'::regclass else 'pg_type'::regclass end,
            case when k.conrelid <> 0 then k.conrelid else k.contypid end
        from pg_constraint k
        where e.classid = 'pg_constraint'::regclass and k.oid = e.objid
        union all
        select 'pg_class'::regclass, i.indrelid
        from pg_index i
        join pg_class c on c.oid = i.indrelid and c.relkind in ('r', 'p')
        where e.classid = 'pg_class'::regclass and i.indexrelid = e.objid
        union all
        select
            case when b.typrelid <> 0 then 'pg_class'::regclass else 'pg_type'::regclass end,
            case when b.typrelid <> 0 then b.typrelid else coalesce(r.rngtypid, b.oid) end
        from pg_type t
        join pg_type b on b.oid = case when t.typelem <> 0 and t.typcategory = 'A' then t.typelem else t.oid end
        left join pg_range r on r.rngmultitypid = b.oid
        where e.classid = 'pg_type'::regclass and t.oid = e.objid
    ) o (classid, oid)
)
select
    coalesce(n.owner_class, e.classid)::bigint as classid,
    coalesce(n.owner, e.objid)::bigint as oid,
    coalesce(x.refclassid, r.owner_class, e.refclassid)::bigint as ref_classid,
    coalesce(x.refobjid, r.owner, e.refobjid)::bigint as ref_oid,
    coalesce(cn.nspname, tn.nspname) as ref_schema,
    coalesce(c.relname, t.typname) as ref_name,
    coalesce(c.relkind in ('r', 'p'), false) as ref_is_table,
    coalesce(nc.relkind in ('r', 'p'), false) as is_table,
    coalesce(nt.typtype = 'd', false) as is_domain
from edge e
left join node n on n.classid = e.classid and n.objid = e.objid
left join node r on r.classid = e.refclassid and r.objid = e.refobjid
left join pg_depend x
    on x.classid = coalesce(r.owner_class, e.refclassid) and x.objid = coalesce(r.owner, e.refobjid) and x.deptype = 'e'
left join pg_class c on coalesce(r.owner_class, e.refclassid) = 'pg_class'::regclass and c.oid = coalesce(r.owner, e.refobjid)
left join pg_namespace cn on cn.oid = c.relnamespace
left join pg_type t on coalesce(r.owner_class, e.refclassid) = 'pg_type'::regclass and t.oid = coalesce(r.owner, e.refobjid)
left join pg_namespace tn on tn.oid = t.typnamespace
left join pg_class nc on coalesce(n.owner_class, e.classid) = 'pg_class'::regclass and nc.oid = coalesce(n.owner, e.objid)
left join pg_type nt on coalesce(n.owner_class, e.classid) = 'pg_type'::regclass and nt.oid = coalesce(n.owner, e.objid)
