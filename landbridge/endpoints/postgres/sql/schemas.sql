select n.nspname
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'landbridge')
order by n.nspname collate "C"
