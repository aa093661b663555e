-- Functions, procedures and aggregates by their signatures.
select
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
    'pg_proc'::regclass as classid,
    p.oid,
    n.nspname as schema,
    p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name,
    null::oid as parent,
    case
        when p.prokind = 'a' then array[format(
            'CREATE AGGREGATE %I.%I(%s) (%s)',
            n.nspname,
            p.proname,
            case when p.pronargs = 0 then '*' else pg_get_function_arguments(p.oid) end,
            array_to_string(
                array[
                    'SFUNC = ' || a.aggtransfn::regproc,
                    'STYPE = ' || format_type(a.aggtranstype, null),
                    'SSPACE = ' || nullif(a.aggtransspace, 0),
                    'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc,
                    case when a.aggfinalextra then 'FINALFUNC_EXTRA' end,
                    'FINALFUNC_MODIFY = '
                    || case a.aggfinalmodify when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' else 'READ_WRITE' end,
                    'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regproc,
                    'SERIALFUNC = ' || nullif(a.aggserialfn::oid, 0)::regproc,
                    'DESERIALFUNC = ' || nullif(a.aggdeserialfn::oid, 0)::regproc,
                    'INITCOND = ' || quote_literal(a.agginitval),
                    'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regproc,
                    'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
                    'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), null),
                    'MSSPACE = ' || nullif(a.aggmtransspace, 0),
                    'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regproc,
                    case when a.aggmfinalextra then 'MFINALFUNC_EXTRA' end,
                    case
                        when a.aggmfinalfn::oid <> 0 then 'MFINALFUNC_MODIFY = '
                            || case a.aggmfinalmodify when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' else 'READ_WRITE' end
                    end,
                    'MINITCOND = ' || quote_literal(a.aggminitval),
                    (
                        select format('SORTOP = OPERATOR(%I.%s)', sn.nspname, s.oprname)
                        from pg_operator s
                        join pg_namespace sn on sn.oid = s.oprnamespace
                        where s.oid = a.aggsortop
                    ),
                    case p.proparallel when 's' then 'PARALLEL = SAFE' when 'r' then 'PARALLEL = RESTRICTED' end,
                    case when a.aggkind = 'h' then 'HYPOTHETICAL' end
                ],
                ', '
            )
        )]
        else array[pg_get_functiondef(p.oid)]
    end as definition
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
left join pg_aggregate a on a.aggfnoid = p.oid
where not exists (
    -- A range type comes with its constructors.
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i'
)
