create table things (
    id int auto_increment primary key, big bigint unsigned, price decimal(12,2), ratio double, word varchar(60), doc json,
    raw varbinary(20), born date, seen datetime(6), instant timestamp(3) null, size enum('S','L'), flags bit(4),
    unique key (word)
);
insert into things values
    (1, 18446744073709551615, 1.50, 0.1, 'tab\t back\\slash 😀', '{"a": [1, null]}', x'00ff', '2024-02-29', '2024-02-29 23:59:59.123456', '2024-01-01 00:00:00.5', 'L', b'0101'),
    (2, 0, -0.01, -1e300, '', '"s"', '', '1000-01-01', '9999-12-31 23:59:59', null, 'S', b'0'),
    (3, null, null, null, null, null, null, null, null, null, null, null);
-- later
insert into things values (4, 7, 7.00, 7, 'new', '7', x'07', '2007-07-07', '2007-07-07 07:07:07', '2007-07-07 07:07:07', 'S', b'0111');
update things set word = concat('changed ', id), price = 9.99 where id in (1, 3);
update things set id = 20 where id = 2;
delete from things where id = 3;
