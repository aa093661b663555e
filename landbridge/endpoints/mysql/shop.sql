create user shop@localhost;

create user shop@'127.0.0.1';

grant select, insert, update, delete on shop.* to shop@localhost, shop@'127.0.0.1';

create table customers (
    id bigint unsigned auto_increment primary key,
    email varchar(120) not null unique,
    name varchar(80) not null,
    about text,
    balance decimal(12, 2) not null default 0,
    vip tinyint(1) not null default 0,
    joined timestamp(6) not null default current_timestamp(6)
) engine = innodb default charset = utf8mb4 comment = 'Who buys. Emoji welcome: 🛒';

create table orders (
    id bigint unsigned auto_increment primary key,
    customer_id bigint unsigned not null,
    status enum('new', 'paid', 'packed', 'shipped', 'cancelled') not null default 'new',
    total decimal(12, 2) not null,
    note varchar(200),
    details json,
    created datetime(6) not null default current_timestamp(6),
    key orders_customer (customer_id),
    key orders_created (created),
    constraint orders_of_customer foreign key (customer_id) references customers (id)
) engine = innodb default charset = utf8mb4;

create table items (
    order_id bigint unsigned not null,
    line int not null,
    sku varchar(20) not null,
    quantity int not null default 1,
    price decimal(10, 2) not null,
    primary key (order_id, line),
    key items_sku (sku),
    constraint items_of_order foreign key (order_id) references orders (id) on delete cascade
) engine = innodb default charset = utf8mb4;

create table events (
    id char(36) primary key,
    kind varchar(20) not null,
    at timestamp(3) not null default current_timestamp(3),
    weight double,
    payload varbinary(64),
    data json
) engine = innodb default charset = utf8mb4;

create table numbers (n int primary key) engine = innodb;

insert into numbers
select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + 1
from (select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9) a,
     (select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9) b,
     (select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9) c,
     (select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9) d,
     (select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9
      union all select 10 union all select 11 union all select 12 union all select 13 union all select 14) e;

insert into customers (email, name, about, balance, vip, joined)
select concat('user', n, '@example.com'), concat('Customer ', n),
       case n % 5 when 0 then null when 1 then 'likes\ttabs and\nlines' when 2 then concat('C:\\shop\\', n) else concat('buys 🍎🍐 ', repeat('x', n % 60)) end,
       (n * 37 % 100000) / 100, n % 2, timestamp '2024-01-01 00:00:00' + interval n minute
from numbers where n <= 20000 order by n;

insert into orders (customer_id, status, total, note, details, created)
select 1 + n * 7919 % 20000, elt(1 + n % 5, 'new', 'paid', 'packed', 'shipped', 'cancelled'), (n * 31 % 100000) / 100,
       if(n % 3 = 0, concat('note ', n, ' é'), null), json_object('channel', 'web', 'n', n, 'gift', n % 2 = 0),
       timestamp '2024-03-01 00:00:00' + interval n * 7 second
from numbers where n <= 100000 order by n;

insert into items (order_id, line, sku, quantity, price)
select 1 + (n - 1) div 2, 1 + (n - 1) % 2, concat('SKU-', n % 997), 1 + n % 4, (n * 17 % 5000) / 100
from numbers where n <= 150000 order by n;

insert into events (id, kind, at, weight, payload, data)
select insert(insert(insert(insert(md5_of, 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'), elt(1 + n % 3, 'view', 'click', 'buy'),
       timestamp '2024-05-01 00:00:00' + interval n second, n / 3, unhex(md5_of), json_object('page', concat('/p/', n), 'ms', n % 900)
from (select n, left(sha2(n, 256), 32) md5_of from numbers where n <= 40000) numbered;

drop table numbers;

analyze table customers, orders, items, events
