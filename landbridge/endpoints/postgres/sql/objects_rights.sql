-- Rights that were given, owners other than this login, and what new objects are given by default.
select
    'grant' as kind,
    a.classid,
    a.oid,
    a.schema,
    g.name,
    null::oid as parent,
    -- What everyone may by default is taken away first.
    case when a.closed then array[format('REVOKE ALL ON %s %s FROM PUBLIC', a.type, g.name)] end || array(
        select format(
            'GRANT %s ON %s %s TO %s%s', string_agg(x.privilege_type, ', ' order by x.privilege_type), a.type, g.name,
            case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end,
            case when x.is_grantable then ' WITH GRANT OPTION' end
        )
        from aclexplode(a.acl) x
        where x.grantee <> a.owner
        group by x.grantee, x.is_grantable
        order by x.grantee, x.is_grantable
    ) as definition
from (
    select
        'pg_class'::regclass as classid, c.oid, n.nspname as schema, c.relowner as owner, c.relacl as acl,
        case c.relkind when 'S' then 'SEQUENCE' else 'TABLE' end as type, false as closed
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    union all
    select
        'pg_proc'::regclass, p.oid, n.nspname, p.proowner, p.proacl,
        case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end,
        not exists (select from aclexplode(p.proacl) x where x.grantee = 0) and p.proacl is not null
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    union all
    select
        'pg_type'::regclass, t.oid, n.nspname, t.typowner, t.typacl, 'TYPE',
        not exists (select from aclexplode(t.typacl) x where x.grantee = 0) and t.typacl is not null
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    union all
    select 'pg_namespace'::regclass, n.oid, n.nspname, n.nspowner, n.nspacl, 'SCHEMA', false
    from pg_namespace n
) a
cross join lateral (select identity as name from pg_identify_object(a.classid, a.oid, 0)) g
where a.oid >= 16384 and (a.closed or exists (select from aclexplode(a.acl) x where x.grantee <> a.owner))
union all
select
    'grant on columns', 'pg_class'::regclass, c.oid, n.nspname, c.relname::text, c.oid,
    array(
        select format(
            'GRANT %s (%I) ON %s TO %s%s', x.privilege_type, a.attname, c.oid::regclass,
            case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end,
            case when x.is_grantable then ' WITH GRANT OPTION' end
        )
        from pg_attribute a
        cross join lateral aclexplode(a.attacl) x
        where a.attrelid = c.oid and not a.attisdropped
        order by a.attnum, x.grantee, x.privilege_type
    )
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.oid >= 16384
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attacl is not null and not a.attisdropped)
union all
select
    'owner', 'pg_authid'::regclass, o.owner, o.schema, pg_get_userbyid(o.owner)::text, null::oid,
    array_agg(
        format('ALTER %s %s OWNER TO %s', o.type, g.identity, quote_ident(pg_get_userbyid(o.owner)))
        order by o.type, g.identity
    )
from (
    select
        c.relowner as owner, n.nspname as schema, c.oid, 'pg_class'::regclass as classid,
        case c.relkind
            when 'S' then 'SEQUENCE' when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' when 'f' then 'FOREIGN TABLE'
            when 'c' then 'TYPE' else 'TABLE'
        end as type
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        -- A sequence of a column goes with its table.
        and not exists (
            select from pg_depend d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and c.relkind = 'S' and d.deptype in ('a', 'i')
        )
    union all
    select
        p.proowner, n.nspname, p.oid, 'pg_proc'::regclass,
        case p.prokind when 'p' then 'PROCEDURE' when 'a' then 'AGGREGATE' else 'FUNCTION' end
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    union all
    select t.typowner, n.nspname, t.oid, 'pg_type'::regclass, case t.typtype when 'd' then 'DOMAIN' else 'TYPE' end
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd')
) o
cross join lateral pg_identify_object(o.classid, o.oid, 0) g
where o.owner <> current_user::regrole
    and o.oid >= 16384
    and not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')
group by o.owner, o.schema
union all
select
    'default privileges', 'pg_authid'::regclass, d.defaclrole, coalesce(n.nspname, ''), pg_get_userbyid(d.defaclrole)::text, null,
    array_agg(s.sql order by s.sql desc) filter (where s.sql is not null)
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
cross join lateral (
    select
        'ALTER DEFAULT PRIVILEGES FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole))
            || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '') as head,
        case d.defaclobjtype
            when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS' when 'T' then 'TYPES'
            when 'n' then 'SCHEMAS' else 'LARGE OBJECTS'
        end as things
) h
left join lateral (
    -- What everyone may by default is taken away first.
    select h.head || ' REVOKE ALL ON ' || h.things || ' FROM PUBLIC' as sql
    where d.defaclnamespace = 0
        and d.defaclobjtype in ('f', 'T')
        and not exists (select from aclexplode(d.defaclacl) x where x.grantee = 0)
    union all
    select
        format(
            '%s GRANT %s ON %s TO %s%s', h.head, string_agg(x.privilege_type, ', ' order by x.privilege_type), h.things,
            case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end,
            case when x.is_grantable then ' WITH GRANT OPTION' end
        )
    from aclexplode(d.defaclacl) x
    where x.grantee <> d.defaclrole
        and not (x.grantee = 0 and d.defaclnamespace = 0 and d.defaclobjtype in ('f', 'T'))
    group by x.grantee, x.is_grantable
) s on true
group by d.defaclrole, n.nspname
