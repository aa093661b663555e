-- The catalog's queries by name. %(schemas)s is a list. Every row begins with the table's schema and name.

-- name: tables
select table_schema, table_name, table_type, engine, table_rows, data_length, create_options, table_comment,
       table_collation
from information_schema.tables
where table_schema in %(schemas)s and table_type <> 'TEMPORARY'
order by table_schema, table_name

-- name: columns
select table_schema, table_name, column_name, column_default, is_nullable, column_type, extra, generation_expression,
       collation_name, column_comment
from information_schema.columns
where table_schema in %(schemas)s
order by table_schema, table_name, ordinal_position

-- name: indexes_mysql
select table_schema, table_name, index_name, non_unique, column_name, collation, sub_part, index_type, index_comment,
       is_visible = 'NO', expression
from information_schema.statistics
where table_schema in %(schemas)s
order by table_schema, table_name, index_name, seq_in_index

-- name: indexes_mariadb
select table_schema, table_name, index_name, non_unique, column_name, collation, sub_part, index_type, index_comment,
       ignored = 'YES', null
from information_schema.statistics
where table_schema in %(schemas)s
order by table_schema, table_name, index_name, seq_in_index

-- name: foreign_keys
select table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
       referenced_column_name
from information_schema.key_column_usage
where table_schema in %(schemas)s and referenced_table_name is not null
order by table_schema, table_name, constraint_name, ordinal_position

-- name: actions
select constraint_schema, table_name, constraint_name, delete_rule, update_rule
from information_schema.referential_constraints
where constraint_schema in %(schemas)s

-- name: checks_mysql
select t.table_schema, t.table_name, c.constraint_name, c.check_clause, t.enforced
from information_schema.check_constraints c
join information_schema.table_constraints t
  on t.constraint_schema = c.constraint_schema and t.constraint_name = c.constraint_name
where t.constraint_type = 'CHECK' and t.table_schema in %(schemas)s
order by t.table_schema, t.table_name, c.constraint_name

-- name: checks_mariadb
select constraint_schema, table_name, constraint_name, check_clause, 'YES'
from information_schema.check_constraints
where constraint_schema in %(schemas)s
order by constraint_schema, table_name, constraint_name

-- name: triggers
select trigger_schema, trigger_name, 'trigger', event_object_table
from information_schema.triggers
where trigger_schema in %(schemas)s

-- name: routines
select routine_schema, routine_name, lower(routine_type), null
from information_schema.routines
where routine_schema in %(schemas)s

-- name: events
select event_schema, event_name, 'event', null
from information_schema.events
where event_schema in %(schemas)s
