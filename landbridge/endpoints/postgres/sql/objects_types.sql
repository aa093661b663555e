-- Types that are neither enums nor domains (a range makes its multirange, whichever comes first), collations, operators,
-- casts and what text search is made of. Columns of the catalog that only some versions have are read through JSON.
select
    'composite type' as kind,
    'pg_class'::regclass as classid,
    c.oid,
    n.nspname as schema,
    c.relname::text as name,
    null::oid as parent,
    array[format(
        'CREATE TYPE %s AS (%s)',
        c.oid::regclass,
        (
            select string_agg(
                format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), ' COLLATE ' || l.oid::regcollation),
                ', ' order by a.attnum
            )
            from pg_attribute a
            join pg_type t on t.oid = a.atttypid
            left join pg_collation l on l.oid = a.attcollation and a.attcollation <> t.typcollation
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        )
    )] as definition
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'c'
union all
select
    x.kind, 'pg_type'::regclass, t.oid, x.schema, x.name, null,
    case
        when r.rngcanonical = 0 then array[format(
            'CREATE TYPE %s AS RANGE (SUBTYPE = %s%s%s%s, MULTIRANGE_TYPE_NAME = %s)',
            t.oid::regtype,
            format_type(r.rngsubtype, null),
            (
                select format(', SUBTYPE_OPCLASS = %I.%I', pn.nspname, o.opcname)
                from pg_opclass o
                join pg_namespace pn on pn.oid = o.opcnamespace
                where o.oid = r.rngsubopc and not o.opcdefault
            ),
            (
                select ', COLLATION = ' || r.rngcollation::regcollation
                from pg_type s
                where s.oid = r.rngsubtype and r.rngcollation <> s.typcollation
            ),
            ', SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::oid, 0)::regproc,
            format_type(r.rngmultitypid, null)
        )]
    end
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_range r on r.rngtypid = t.oid
cross join lateral (
    select case t.typtype when 'r' then 'range type' else 'base type' end, n.nspname, t.typname::text
    union all
    select 'multirange type', mn.nspname, m.typname::text
    from pg_type m
    join pg_namespace mn on mn.oid = m.typnamespace
    where m.oid = r.rngmultitypid
) x (kind, schema, name)
where t.typtype in ('r', 'p') or t.typtype = 'b' and t.typcategory <> 'A'
union all
select
    'collation', 'pg_collation'::regclass, c.oid, n.nspname, c.collname::text, null,
    case
        when c.collprovider <> 'd' then array[format(
            'CREATE COLLATION %s (%s)',
            c.oid::regcollation,
            array_to_string(
                array[
                    'PROVIDER = ' || case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
                    'LOCALE = ' || quote_literal(
                        coalesce(
                            j ->> 'colllocale', j ->> 'colliculocale',
                            case when c.collprovider <> 'c' or c.collcollate = c.collctype then c.collcollate::text end
                        )
                    ),
                    case when c.collprovider = 'c' and c.collcollate <> c.collctype then format('LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype) end,
                    'RULES = ' || quote_literal(j ->> 'collicurules'),
                    case when not c.collisdeterministic then 'DETERMINISTIC = false' end
                ],
                ', '
            )
        )]
    end
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
cross join lateral to_jsonb(c) as j
union all
select
    'operator', 'pg_operator'::regclass, o.oid, n.nspname,
    o.oprname || '(' || format_type(o.oprleft, null) || ',' || format_type(o.oprright, null) || ')', null,
    case
        when o.oprcode::oid <> 0 then array[format(
            'CREATE OPERATOR %I.%s (%s)',
            n.nspname,
            o.oprname,
            array_to_string(
                array[
                    'FUNCTION = ' || o.oprcode::regproc,
                    'LEFTARG = ' || format_type(nullif(o.oprleft, 0), null),
                    'RIGHTARG = ' || format_type(nullif(o.oprright, 0), null),
                    (select format('COMMUTATOR = OPERATOR(%I.%s)', xn.nspname, x.oprname) from pg_operator x join pg_namespace xn on xn.oid = x.oprnamespace where x.oid = o.oprcom),
                    (select format('NEGATOR = OPERATOR(%I.%s)', xn.nspname, x.oprname) from pg_operator x join pg_namespace xn on xn.oid = x.oprnamespace where x.oid = o.oprnegate),
                    'RESTRICT = ' || nullif(o.oprrest::oid, 0)::regproc,
                    'JOIN = ' || nullif(o.oprjoin::oid, 0)::regproc,
                    case when o.oprcanhash then 'HASHES' end,
                    case when o.oprcanmerge then 'MERGES' end
                ],
                ', '
            )
        )]
    end
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
union all
select
    'cast', 'pg_cast'::regclass, c.oid, '', format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null), null,
    array[format(
        'CREATE CAST (%s AS %s) %s%s',
        format_type(c.castsource, null),
        format_type(c.casttarget, null),
        case c.castmethod when 'f' then 'WITH FUNCTION ' || c.castfunc::regprocedure when 'i' then 'WITH INOUT' else 'WITHOUT FUNCTION' end,
        case c.castcontext when 'a' then ' AS ASSIGNMENT' when 'i' then ' AS IMPLICIT' end
    )]
from pg_cast c
where c.oid >= 16384
    and not exists (
        -- A range type comes with a cast to its multirange.
        select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype = 'i'
    )
union all
select
    'text search dictionary', 'pg_ts_dict'::regclass, t.oid, n.nspname, t.dictname::text, null,
    array[format(
        'CREATE TEXT SEARCH DICTIONARY %s (TEMPLATE = %I.%I%s)', t.oid::regdictionary, mn.nspname, m.tmplname, ', ' || t.dictinitoption
    )]
from pg_ts_dict t
join pg_namespace n on n.oid = t.dictnamespace
join pg_ts_template m on m.oid = t.dicttemplate
join pg_namespace mn on mn.oid = m.tmplnamespace
union all
select
    'text search configuration', 'pg_ts_config'::regclass, t.oid, n.nspname, t.cfgname::text, null,
    array[format('CREATE TEXT SEARCH CONFIGURATION %s (PARSER = %I.%I)', t.oid::regconfig, pn.nspname, p.prsname)]
    || array(
        select format(
            'ALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %I WITH %s',
            t.oid::regconfig, k.alias, string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno)
        )
        from pg_ts_config_map m
        join ts_token_type(t.cfgparser) k on k.tokid = m.maptokentype
        where m.mapcfg = t.oid
        group by k.tokid, k.alias
        order by k.tokid
    )
from pg_ts_config t
join pg_namespace n on n.oid = t.cfgnamespace
join pg_ts_parser p on p.oid = t.cfgparser
join pg_namespace pn on pn.oid = p.prsnamespace
