-- What acts by itself: triggers, rules, policies, row level security. A partition has its root's triggers from there.
select
    'trigger' as kind,
    'pg_trigger'::regclass as classid,
    t.oid,
    n.nspname as schema,
    t.tgname::text as name,
    c.oid as parent,
    array[pg_get_triggerdef(t.oid)]
    || case
        when t.tgenabled <> 'O' then format(
            'ALTER TABLE %s %s TRIGGER %I',
            c.oid::regclass,
            case t.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' else 'ENABLE ALWAYS' end,
            t.tgname
        )
    end as definition
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgparentid = 0
union all
select
    'rule', 'pg_rewrite'::regclass, r.oid, n.nspname, r.rulename::text, c.oid,
    array[rtrim(pg_get_ruledef(r.oid), ';')]
    || case
        when r.ev_enabled <> 'O' then format(
            'ALTER TABLE %s %s RULE %I',
            c.oid::regclass,
            case r.ev_enabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' else 'ENABLE ALWAYS' end,
            r.rulename
        )
    end
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN'
union all
select
    'policy', 'pg_policy'::regclass, p.oid, n.nspname, p.polname::text, c.oid,
    array[format(
        'CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s',
        p.polname,
        c.oid::regclass,
        case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
        case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end,
        array_to_string(
            array(
                select case r when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(r)) end
                from unnest(p.polroles) as r
            ),
            ', '
        ),
        ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
    )]
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
union all
select
    'row level security', 'pg_class'::regclass, c.oid, n.nspname, c.relname::text, c.oid,
    array[
        case when c.relrowsecurity then format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass) end,
        case when c.relforcerowsecurity then format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', c.oid::regclass) end
    ]
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relrowsecurity or c.relforcerowsecurity
